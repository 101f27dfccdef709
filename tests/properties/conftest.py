"""Real parts for the properties. One database and one virtual host serve a whole run.

Connections are made anew for each test: between two of them the event loop stands still.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
import pytest
from hypothesis import Phase, settings
from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.messaging.publisher import Publisher
from services.analytics.main import create_app as create_analytics
from services.analytics.settings import AnalyticsSettings
from tests import brokers, databases
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.analytics.conftest import Analytics
from tests.integration.gateway.platform import Platform, running_gateway, running_services
from tests.integration.webhooks.running import Service, service
from tests.properties.lanes import Lanes, lanes_of
from tests.properties.log_lines import LogLines, logging_to_memory
from tests.properties.members import Members
from tests.properties.store import Store

_Result = TypeVar("_Result")

# A mutant has to fail, not to fail beautifully: the smallest example is not looked for.
settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate))


def _finished(work: Coroutine[Any, Any, _Result]) -> _Result:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _make_database(server_url: str, template: str) -> Database:
    made = await databases.create(server_url, template)
    owner = await asyncpg.connect(made.url)
    name = await owner.fetchval("SELECT current_database()")
    # A test's data need not survive the machine, so no commit waits for the disk.
    await owner.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    await owner.close()
    return made


@pytest.fixture(scope="session")
def database(database_server_url: str, database_template: str) -> Iterator[Database]:
    made = _finished(_make_database(database_server_url, database_template))
    yield made
    _finished(databases.drop(database_server_url, made))


@pytest.fixture(scope="session")
def broker(broker_server: Mapping[str, str]) -> Iterator[Broker]:
    made = _finished(brokers.create(broker_server))
    yield made
    _finished(brokers.remove(broker_server, made))


@pytest.fixture(scope="session")
def keys() -> CallerKeys:
    return CallerKeys()


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    engine = create_engine(SecretStr(database.url_for("ingestor")), "properties", pool_size=4)
    owner = await asyncpg.connect(database.url)
    yield Store(engine, owner)
    await owner.close()
    await engine.dispose()


@pytest.fixture
async def analytics(database: Database, keys: CallerKeys) -> AsyncIterator[Analytics]:
    """The analytics service as the gateway asks it."""
    url = database.url_for("analytics")
    settings = AnalyticsSettings.from_environment(
        {"DATABASE_URL": url, "CALLER_PUBLIC_KEYS": keys.public_list}
    )
    engine = create_engine(SecretStr(url), "properties", pool_size=4)
    transport = httpx.ASGITransport(create_analytics(settings, engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://analytics") as http:
        yield Analytics(http, keys)
    await engine.dispose()


@pytest.fixture
async def gateway(database: Database, keys: CallerKeys, tmp_path: Path) -> AsyncIterator[Platform]:
    """The gateway before the real oauth, ingestor and analytics."""
    async with (
        running_services(database, keys) as upstreams,
        running_gateway(database, keys, tmp_path, upstreams) as platform,
    ):
        yield platform


@pytest.fixture
async def members(database: Database) -> AsyncIterator[Members]:
    owner = await asyncpg.connect(database.url)
    yield Members(owner)
    await owner.close()


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[Publisher]:
    async with Publisher(SecretStr(broker.url_for("ingestor")), "properties") as publisher:
        yield publisher


@pytest.fixture
async def webhooks(database: Database, broker: Broker) -> AsyncIterator[Service]:
    async with service(database.url_for("webhooks"), broker.url_for("webhooks")) as running:
        yield running


@pytest.fixture
async def lanes(broker: Broker) -> AsyncIterator[Lanes]:
    async with lanes_of(broker) as lanes:
        yield lanes


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    with logging_to_memory() as lines:
        yield lines
