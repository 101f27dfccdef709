"""A migrated database, connected to as the ingestor, and its routes, asked as the operator."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.messaging.publisher import Publisher
from libs.common.web.client import ServiceClient
from services.ingestor.main import create_app
from services.ingestor.settings import IngestorSettings
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.http_servers import serving
from tests.integration.ingestor.world import World


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    engine = create_engine(SecretStr(database.url_for("ingestor")), "test")
    owner = await asyncpg.connect(database.url)
    yield World(engine, owner)
    await owner.close()
    await engine.dispose()


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    """Its broker is away: hints are lost, and nothing else."""
    async with Publisher(SecretStr("amqp://guest:guest@127.0.0.1:1/"), "test") as made:
        yield made


@pytest.fixture
def keys() -> CallerKeys:
    return CallerKeys()


@pytest.fixture
async def url(world: World, database: Database, keys: CallerKeys) -> AsyncIterator[str]:
    settings = IngestorSettings.from_environment(
        {
            "ENVIRONMENT": "test",
            "PORT": "0",
            "DATABASE_URL": database.url_for("ingestor"),
            "AMQP_URL": "amqp://guest@127.0.0.1/",
            "OAUTH_URL": "http://127.0.0.1:1",
            "WEBHOOKS_URL": "http://127.0.0.1:1",
            "CALLER_PRIVATE_KEY": keys.private["ingestor"],
            "CALLER_PUBLIC_KEYS": keys.public_list,
        }
    )
    async with serving(create_app(settings, world.engine)) as url:
        yield url


@pytest.fixture
async def ingestor(url: str, keys: CallerKeys) -> AsyncIterator[ServiceClient]:
    client = ServiceClient("ingestor", url, keys.signer("ops"))
    yield client
    await client.close()
