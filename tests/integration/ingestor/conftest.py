"""A migrated database, connected to as the ingestor."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.messaging.publisher import Publisher
from tests.databases import Database
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
