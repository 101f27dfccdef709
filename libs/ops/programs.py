"""Which programs a copy of Tillstream consists of, and the whole environment of each.

A service gets its own database role, broker user and keys, and nothing of anybody else's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.ops import keyring
from libs.ops.children import Program
from libs.ops.errors import OperationError
from libs.ops.operator import CALLER, SECRETS_FILE
from libs.ops.ports import LOOPBACK
from libs.ops.roles import SERVICES

# Front doors last to start taking work and first to stop: see `STOP_ORDER`.
STOP_ORDER = (
    ("simulator", "gateway", "webhooks"),
    ("oauth", "analytics", "ingestor-deliveries", "ingestor-pulls"),
    ("postgres", "rabbitmq"),
)
DEFAULT_PORTS = {
    "gateway": 8080,
    "oauth": 8081,
    "webhooks": 8082,
    "ingestor-pulls": 8083,
    "analytics": 8084,
    "ingestor-deliveries": 8085,
    "simulator": 8090,
}
DATA_DIR_VARIABLE = "TILLSTREAM_DATA_DIR"
_SIMULATED = {
    "SHOPIFY_API_URL": "/{shop}",
    "SHOPIFY_AUTHORIZE_URL": "/{shop}/admin/oauth/authorize",
}
_CREDENTIALS = ("SHOPIFY_API_KEY", "SHOPIFY_API_SECRET")
_SHOPIFY_API_VERSION = "2026-10"
# What an operator may set for all services by the environment of `up` itself.
_PASSED_ON = ("ENVIRONMENT", "LOG_LEVEL")
_PASSED_ON_TO_GATEWAY = (
    *("CORS_ORIGINS", "LOGIN_LIMIT_PER_MINUTE", "RATE_LIMIT_PER_MINUTE"),
    *("REDIS_URL", "SESSION_IDLE_MINUTES", "TRUSTED_PROXIES"),
)
_PASSED_ON_TO_OAUTH = ("ERASURE_GRACE_HOURS", "MAX_DEPARTURES_PER_HOUR", "REDACT_MIN_AGE_HOURS")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the programs' environments are made of."""

    data_dir: Path
    secrets: Mapping[str, str]
    ports: Mapping[str, int]
    database_urls: Mapping[str, str]
    broker_urls: Mapping[str, str]
    environment: Mapping[str, str]
    simulated: bool = False
    simulator_arguments: tuple[str, ...] = ()

    def url(self, program: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[program]}"

    @property
    def public_url(self) -> str:
        return self.environment.get("PUBLIC_URL", self.url("gateway"))

    @property
    def webhooks_url(self) -> str:
        return self.environment.get("WEBHOOKS_URL", self.url("webhooks"))


def make_secrets(data_dir: Path) -> dict[str, str]:
    """The data folder's secrets, made on its first use."""
    makers = {
        "encryption_key": lambda: f"k1:{keyring.key_32()}",
        "session_secret": lambda: keyring.password() + keyring.password(),
        "shopify_api_key": keyring.password,
        "shopify_api_secret": keyring.password,
        "demo_password": keyring.password,
        "bluebird_password": keyring.password,
        **{f"caller_key_{name}": keyring.key_32 for name in (*SERVICES, CALLER)},
        **{f"database_password_{name}": keyring.password for name in SERVICES},
        **{f"broker_password_{name}": keyring.password for name in SERVICES},
    }
    return keyring.stored(data_dir / SECRETS_FILE, makers)


def check_credentials(environment: Mapping[str, str]) -> None:
    """Raises OperationError unless the app's credentials at Shopify are there."""
    if missing := [name for name in _CREDENTIALS if not environment.get(name)]:
        raise OperationError(
            f"{' and '.join(missing)} must be set (the app's credentials at Shopify), "
            "or start with --with-simulator"
        )


def named(secrets: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The secrets of one kind, by service name."""
    return {name: secrets[f"{prefix}_{name}"] for name in SERVICES}


def programs(plan: Plan) -> list[Program]:
    """All of them, the simulator only where it was asked for."""
    own: dict[str, dict[str, str]] = {
        "gateway": {
            **_caller(plan, "gateway"),
            "SESSION_SECRET": plan.secrets["session_secret"],
            "PUBLIC_URL": plan.public_url,
            "OAUTH_URL": plan.url("oauth"),
            "INGESTOR_URL": plan.url("ingestor-pulls"),
            "ANALYTICS_URL": plan.url("analytics"),
            **_given(plan, _PASSED_ON_TO_GATEWAY),
        },
        "oauth": {
            **_caller(plan, "oauth"),
            **_app(plan),
            **_shopify_addresses(plan),
            "ENCRYPTION_KEY": plan.secrets["encryption_key"],
            "PUBLIC_URL": plan.public_url,
            **_given(plan, _PASSED_ON_TO_OAUTH),
        },
        "webhooks": {
            **{key: value for key, value in _app(plan).items() if key != "SHOPIFY_API_KEY"},
            "SHOP_DIRECTORY_FILE": str(plan.data_dir / "shop-directory.json"),
        },
        "ingestor-deliveries": _ingestor(plan),
        "ingestor-pulls": _ingestor(plan),
        "analytics": _caller(plan, "analytics"),
    }
    made = [_service(plan, name, environment) for name, environment in own.items()]
    return [*made, _simulator(plan)] if plan.simulated else made


def _service(plan: Plan, program: str, own: Mapping[str, str]) -> Program:
    service, _, role = program.partition("-")
    environment = {
        **_process(plan),
        "HOST": LOOPBACK,
        "PORT": str(plan.ports[program]),
        "DATABASE_URL": plan.database_urls[service],
        **own,
    }
    if service in plan.broker_urls:
        environment["AMQP_URL"] = plan.broker_urls[service]
    arguments = (f"services.{service}.main", *(("--role", role) if role else ()))
    return Program(program, arguments, environment, f"{plan.url(program)}/health/ready")


def _simulator(plan: Plan) -> Program:
    arguments = (
        "libs.simulator",
        *("--port", str(plan.ports["simulator"])),
        *("--data-dir", str(plan.data_dir / "simulator")),
        *("--compliance-uri", f"{plan.webhooks_url.rstrip('/')}/webhooks/compliance"),
        *plan.simulator_arguments,
    )
    return Program(
        "simulator",
        arguments,
        {**_process(plan), **_app(plan)},
        f"{plan.url('simulator')}/_control/health",
    )


def _process(plan: Plan) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        DATA_DIR_VARIABLE: str(plan.data_dir),
        **_given(plan, _PASSED_ON),
    }


def _given(plan: Plan, names: Iterable[str]) -> dict[str, str]:
    return {name: plan.environment[name] for name in names if name in plan.environment}


def _caller(plan: Plan, service: str) -> dict[str, str]:
    callers = {name: plan.secrets[f"caller_key_{name}"] for name in (*SERVICES, CALLER)}
    return {
        "CALLER_PRIVATE_KEY": callers[service],
        "CALLER_PUBLIC_KEYS": keyring.public_keys(callers),
    }


def _ingestor(plan: Plan) -> dict[str, str]:
    return {
        **_caller(plan, "ingestor"),
        **_shopify_addresses(plan),
        "OAUTH_URL": plan.url("oauth"),
        "WEBHOOKS_URL": plan.webhooks_url,
    }


def _app(plan: Plan) -> dict[str, str]:
    """The app's credentials at Shopify; the simulator's are made up."""
    if plan.simulated:
        return {name: plan.secrets[name.lower()] for name in _CREDENTIALS}
    given = (*_CREDENTIALS, "WEBHOOK_SECRET")
    return {name: plan.environment[name] for name in given if plan.environment.get(name)}


def _shopify_addresses(plan: Plan) -> dict[str, str]:
    version = plan.environment.get("SHOPIFY_API_VERSION", _SHOPIFY_API_VERSION)
    addresses = {"SHOPIFY_API_VERSION": version}
    for name, path in _SIMULATED.items():
        if plan.simulated:
            addresses[name] = plan.url("simulator") + path
        elif name in plan.environment:
            addresses[name] = plan.environment[name]
    return addresses
