# Everything a developer runs. `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin
DASHBOARD := services/gateway/dashboard
PIN := uv pip compile --generate-hashes --universal --no-emit-index-url --no-annotate --no-header --python-version 3.11 --quiet
LOCK := $(PIN) pyproject.toml
CLIENTS := airbyte-source-shopify dlt tap-shopify
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test properties mutants third-party format lint types lock openapi permissions known-fields bench-ingest

# Where it is set, every process that a test starts compiles all of our code anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: ## Install and build everything; start nothing
	@$(PYTHON) -m libs.ops.setup

demo: setup ## Everything on real data (ARGS=--check: compare, see one live order, stop)
	@$(BIN)/tillstream demo $(ARGS)

dev: setup ## Everything, with a simulated Shopify; a changed Python file restarts its service
	@$(BIN)/tillstream up --with-simulator --reload

test: export TILLSTREAM_COVERAGE := $(CURDIR)/.cache/coverage
test: setup lint types ## Every check there is, with real parts; then what they covered
	cd $(DASHBOARD) && npm run --silent check && npm test --silent
	rm -rf $(TILLSTREAM_COVERAGE)
	$(PYTEST) -n 5 --dist loadscope --no-loadscope-reorder -m 'not system and not third_party' tests
	$(PYTEST) -n 2 --dist loadscope -m system tests
	$(BIN)/python tests/covered.py $(TILLSTREAM_COVERAGE)

properties: setup ## Of the tests, the seed's 36 properties alone
	$(PYTEST) -n 4 --dist loadscope tests/properties

mutants: setup ## Break the code once for each property, in a copy: the property must notice
	@$(BIN)/python -m tests.properties.mutants $(P)

third-party: setup $(CLIENTS:%=.cache/third-party/%/installed) ## Clients that others made read a shop of the simulator
	$(PYTEST) -m third_party tests/third_party

.cache/third-party/%/installed: tests/third_party/%.lock
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

bench-ingest: setup ## What the ingestion does on this machine, every scenario or some (ARGS="kills memory --size 1000000")
	$(BIN)/python -m libs.ops.bench.ingest $(ARGS)

lint: setup ## Format, lint, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: setup ## mypy --strict
	$(BIN)/mypy services libs

format: setup ## Put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## Pin every dependency by hash, one file per service and one for development
	for service in gateway oauth webhooks ingestor analytics; do \
	  $(LOCK) --extra $$service -o services/$$service/requirements.lock || exit 1; done
	$(LOCK) --extra simulator -o libs/simulator/requirements.lock
	$(LOCK) --extra ops -o libs/ops/requirements.lock
	$(LOCK) --all-extras -o requirements-dev.lock
	for client in $(CLIENTS); do \
	  $(PIN) tests/third_party/$$client.in -o tests/third_party/$$client.lock || exit 1; done

permissions: ## Write docs/permissions.md from the tables that the services enforce
	$(BIN)/python -m libs.ops.permissions

openapi: ## Write the public API's description and the dashboard's types
	$(BIN)/python -m libs.ops.openapi
	cd $(DASHBOARD) && npm run --silent gen:api

known-fields: setup ## Write which fields Shopify's published bodies have
	$(BIN)/python -m libs.ops.known_fields
