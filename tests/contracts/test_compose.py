"""docker-compose.yml gives each process what it needs to start, and nobody else's secrets."""

import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from libs.ops.env_file import filled
from libs.ops.roles import SERVICES
from tests.contracts.test_settings_table import CLASSES
from tests.keeper import ROOT

PROGRAMS = {
    **{name: name for name in SERVICES if name != "ingestor"},
    "ingestor-deliveries": "ingestor",
    "ingestor-pulls": "ingestor",
}
JOBS = {"migrate", "connect", "ops"}
BACKING = {"postgres", "rabbitmq"}
DEMO = {"simulator", "connect"}
PUBLISHED = {"gateway", "webhooks", "simulator"}

TEXT = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE = yaml.safe_load(TEXT)["services"]
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|_KEY$|PRIVATE_KEY|ENCRYPTION_KEY")
PER_SERVICE = re.compile(
    r"(?:DATABASE_PASSWORD|BROKER_PASSWORD|CALLER_PRIVATE_KEY)_([A-Z]+)|(ENCRYPTION_KEY|SESSION_SECRET)"
)
LINT = YamlLintConfig(
    "{extends: default, rules: {line-length: {max: 100}, braces: {max-spaces-inside: 0}}}"
)


def _values(text: str) -> dict[str, str]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def _resolved(text: str, values: dict[str, str]) -> str:
    """As docker-compose interpolates it."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if values.get(name):
            return values[name]
        assert kind == "-", f"{name} is required and was not given"
        return str(rest)

    return VARIABLE.sub(value, text)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """What `tillstream env-file` writes."""
    return _values(filled(EXAMPLE))


@pytest.fixture(scope="module")
def environments(made: dict[str, str]) -> dict[str, dict[str, str]]:
    return {
        program: {
            name: _resolved(value, made) for name, value in one.get("environment", {}).items()
        }
        for program, one in COMPOSE.items()
    }


def _variables(service: Any) -> set[str]:
    return {found[0] for found in VARIABLE.findall(yaml.safe_dump(service))}


def test_the_file_is_tidy_yaml():
    problems = linter.run(TEXT, LINT, "docker-compose.yml")
    assert [str(problem) for problem in problems] == []


def test_every_process_of_the_product_is_there_and_no_other():
    assert set(COMPOSE) == {*PROGRAMS, *JOBS, *BACKING, "simulator"}
    assert {name: one["profiles"] for name, one in COMPOSE.items() if "profiles" in one} == {
        **{name: ["demo"] for name in DEMO},
        "ops": ["ops"],
    }
    assert COMPOSE["ingestor-deliveries"]["command"] == ["--role", "deliveries"]
    assert COMPOSE["ingestor-pulls"]["command"] == ["--role", "pulls"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_service_starts_with_what_it_is_given(environments, program, monkeypatch):
    given = environments[program]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = CLASSES[PROGRAMS[program]]
    known = {name.upper() for name in settings.model_fields}
    assert set(given) <= known
    loaded = settings.from_environment()
    assert loaded.host == "0.0.0.0"
    assert f":{loaded.port}/health/ready" in COMPOSE[program]["healthcheck"]["test"][-1]
    assert loaded.port == int(given["PORT"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_service_signs_in_as_itself(environments, made, program):
    service = PROGRAMS[program]
    for name, kind in (("DATABASE_URL", "DATABASE"), ("AMQP_URL", "BROKER")):
        if name in environments[program]:
            parts = urlsplit(environments[program][name])
            assert parts.username == f"tillstream_{service}"
            assert parts.password == made[f"{kind}_PASSWORD_{service.upper()}"]
    assert ("AMQP_URL" in environments[program]) == (service != "analytics")


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_service_is_given_another_ones_secret(program):
    service = PROGRAMS[program]
    secrets = {name for name in _variables(COMPOSE[program]) if SECRET.search(name)}
    owners = {"ENCRYPTION_KEY": "oauth", "SESSION_SECRET": "gateway"}
    for name in secrets:
        if found := PER_SERVICE.fullmatch(name):
            owner = owners.get(found[2] or "", (found[1] or "").lower())
            assert owner == service, name
        else:
            assert name in {"SHOPIFY_API_KEY", "SHOPIFY_API_SECRET", "WEBHOOK_SECRET"}
            assert service in {"oauth", "webhooks"}


def test_only_the_servers_themselves_and_migrate_have_the_owners_passwords():
    holders = {
        secret: {name for name, one in COMPOSE.items() if secret in _variables(one)}
        for secret in ("POSTGRES_PASSWORD", "RABBITMQ_PASSWORD")
    }
    assert holders == {
        "POSTGRES_PASSWORD": {"postgres", "migrate"},
        "RABBITMQ_PASSWORD": {"rabbitmq", "migrate"},
    }


def test_every_service_waits_for_a_migrated_database_and_says_whether_it_is_ready():
    for name, one in COMPOSE.items():
        assert ("healthcheck" in one) == (name not in JOBS), name
    for name in PROGRAMS:
        waits = {other: how["condition"] for other, how in COMPOSE[name]["depends_on"].items()}
        assert waits == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "rabbitmq": "service_healthy",
        }


def test_nothing_of_ours_has_more_rights_than_it_needs():
    for name in set(COMPOSE) - BACKING:
        one = COMPOSE[name]
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", one["user"]), name
    for name, one in COMPOSE.items():
        assert "privileged" not in one, name
        assert "cap_add" not in one, name
        assert "network_mode" not in one, name
        assert one["security_opt"] == ["no-new-privileges:true"], name


@pytest.mark.parametrize("program", COMPOSE)
def test_every_container_has_bounds_of_memory_processors_and_processes(program):
    one = COMPOSE[program]
    memory = re.fullmatch(r"([1-9]\d*)([mg])", one["mem_limit"])
    assert memory, one["mem_limit"]
    megabytes = int(memory[1]) * (1024 if memory[2] == "g" else 1)
    assert 256 <= megabytes <= 2048
    # The engine refuses more processors than the machine has.
    assert 0 < one["cpus"] <= 2
    assert 0 < one["pids_limit"] <= 512


def test_only_the_public_doors_are_published_and_on_this_machine_alone_by_default():
    assert {name for name, one in COMPOSE.items() if "ports" in one} == PUBLISHED
    for name in PUBLISHED:
        [port] = COMPOSE[name]["ports"]
        assert _resolved(port, {}).startswith("127.0.0.1:")


def test_every_image_has_a_version_and_ours_has_that_of_the_project(made):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name, one in COMPOSE.items():
        image, _, tag = _resolved(one["image"], {}).rpartition(":")
        assert image, name
        assert tag != "latest"
        assert name in BACKING or tag == project
    assert made["TILLSTREAM_VERSION"] == project


def test_every_image_of_ours_is_built_from_a_file_that_is_there():
    for name in set(COMPOSE) - BACKING:
        assert (ROOT / COMPOSE[name]["build"]["dockerfile"]).is_file(), name


def test_the_example_names_every_variable_and_the_table_explains_it():
    named = set(_values(EXAMPLE))
    assert {found[0] for found in VARIABLE.findall(TEXT)} == named
    table = (ROOT / "docs/settings.md").read_text()
    words = set(re.findall(r"`([A-Z_]+)`", table))
    suffixed = {
        f"{kind}_PASSWORD_{name.upper()}" for kind in ("DATABASE", "BROKER") for name in SERVICES
    }
    assert named - words - suffixed == set()


def test_the_example_holds_no_secret_and_a_made_file_makes_each_anew(made):
    assert {
        name for name, value in _values(EXAMPLE).items() if value and SECRET.search(name)
    } == set()
    again = _values(filled(EXAMPLE))
    secrets = {name for name in made if SECRET.search(name)} - {"WEBHOOK_SECRET"}
    assert len(secrets) > 15
    assert all(made[name] and made[name] != again[name] for name in secrets)
    assert len({made[name] for name in secrets}) == len(secrets)


def test_the_demo_walks_from_the_browsers_addresses_to_the_containers(environments):
    command = " ".join(_resolved(part, {}) for part in COMPOSE["connect"]["command"])
    gateway = environments["gateway"]["PUBLIC_URL"]
    assert f"--gateway={gateway}" in command
    assert f"--reach={gateway}=http://gateway:{environments['gateway']['PORT']}" in command
    authorize = urlsplit(environments["oauth"]["SHOPIFY_AUTHORIZE_URL"])
    api = urlsplit(environments["oauth"]["SHOPIFY_API_URL"])
    assert f"--reach=http://{authorize.netloc}=http://{api.netloc}" in command
    assert (
        environments["simulator"]["SHOPIFY_API_SECRET"]
        == (environments["webhooks"]["SHOPIFY_API_SECRET"])
    )
