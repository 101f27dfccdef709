"""Real servers for every test that asks: PostgreSQL and RabbitMQ, shared by the whole run.

TILLSTREAM_TEST_DATABASE_URL and TILLSTREAM_TEST_AMQP_URL (with TILLSTREAM_TEST_MANAGEMENT_URL)
name servers that are there already; otherwise private ones are started once and kept by
`tests/keeper.py`. A test gets a database and a virtual host that are its own.
"""

import asyncio
import functools
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
import structlog
from httpx._transports import default as http_transports
from hypothesis import HealthCheck, settings

from libs.common import security_events
from tests import brokers, databases
from tests.brokers import Broker
from tests.databases import Database
from tests.keeper import ROOT, shared_server
from tests.memory import memory_folder

_SERVERS = ROOT / ".cache/test-servers"
_Result = TypeVar("_Result")

# How long an example takes is no promise, and on a busy machine not a finding either.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files, also those of child processes, are in memory where there is room."""
    if "TMPDIR" not in os.environ and (memory := memory_folder()) is not None:
        os.environ["TMPDIR"] = tempfile.tempdir = str(memory)


def _run(work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """In a loop of its own, in a thread: session fixtures have none, and must not disturb one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


@pytest.fixture(autouse=True)
def no_security_event_was_logged_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    """What repeats is logged once a minute by each process, and many tests share this one."""
    monkeypatch.setattr(security_events._STATE, "lines", security_events._Lines())


@pytest.fixture(scope="session", autouse=True)
def _one_trust_store() -> Iterator[None]:
    """Every HTTP client reads all authorities anew: 50 ms of CPU, hundreds of times a run."""
    with pytest.MonkeyPatch.context() as patch:
        read_once = functools.cache(http_transports.create_ssl_context)
        patch.setattr(http_transports, "create_ssl_context", read_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _loggers_follow_the_configuration() -> Iterator[None]:
    """A logger that keeps the configuration of its first use is not heard by a later capture."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog,
            "configure",
            lambda **given: configure(**{**given, "cache_logger_on_first_use": False}),
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks(_loggers_follow_the_configuration: None) -> None:
    """A pretty one, with every local variable, stops the event loop for up to seconds."""
    *processors, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors, renderer])


@pytest.fixture(scope="session")
def database_server_url() -> Iterator[str]:
    """The maintenance database as a role that may create databases and roles."""
    if given := os.environ.get("TILLSTREAM_TEST_DATABASE_URL"):
        yield given
        return
    with shared_server("postgres", _SERVERS / "postgres") as server:
        yield server["url"]


@pytest.fixture(scope="session")
def database_template(database_server_url: str) -> str:
    return _run(lambda: databases.ensure_template(database_server_url))


@pytest.fixture
async def database(database_server_url: str, database_template: str) -> AsyncIterator[Database]:
    """A fresh database with every migration applied."""
    made = await databases.create(database_server_url, database_template)
    yield made
    await databases.drop(database_server_url, made)


@pytest.fixture
async def empty_database(database_server_url: str) -> AsyncIterator[Database]:
    """A fresh database without any migration."""
    made = await databases.create(database_server_url, None)
    yield made
    await databases.drop(database_server_url, made)


@pytest.fixture(scope="session")
def broker_server() -> Iterator[Mapping[str, str]]:
    """The broker's `url` and `management_url`, as a user who may do everything."""
    if given := os.environ.get("TILLSTREAM_TEST_AMQP_URL"):
        management = os.environ.get("TILLSTREAM_TEST_MANAGEMENT_URL")
        server = {"url": given, "management_url": management or brokers.management_url(given)}
        _run(lambda: brokers.make_users(server))
        yield server
        return
    with shared_server("rabbitmq", _SERVERS / "rabbitmq") as server:
        _run(lambda: brokers.make_users(server))
        yield server


@pytest.fixture(scope="session")
def amqp_url(broker_server: Mapping[str, str]) -> str:
    return broker_server["url"]


@pytest.fixture
async def broker(broker_server: Mapping[str, str]) -> AsyncIterator[Broker]:
    """A fresh virtual host with the topology declared."""
    made = await brokers.create(broker_server)
    yield made
    await brokers.remove(broker_server, made)


@pytest.fixture
async def vhost(broker_server: Mapping[str, str]) -> AsyncIterator[Broker]:
    """A fresh virtual host with nothing in it."""
    made = await brokers.create(broker_server, topology=False)
    yield made
    await brokers.remove(broker_server, made)
