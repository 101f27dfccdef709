"""Tenants, an engine with the ingestor's own rights, and a simulated Shopify to pull from."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.messaging.publisher import Publisher
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.pulls.erasing import Ingestor
from tests.integration.pulls.pulled_shop import PulledShop, pulled_shop
from tests.integration.pulls.tenants import PulledTenant, connected


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(SecretStr(database.url_for("ingestor")), "tests")
    yield engine
    await engine.dispose()


@pytest.fixture
async def tenant_id(database: Database) -> UUID:
    return await connected(database)


@pytest.fixture
async def tenant(engine: AsyncEngine, tenant_id: UUID) -> PulledTenant:
    """Whose first pull is due."""
    tenant = PulledTenant(engine, tenant_id)
    await tenant.queue()
    return tenant


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[Publisher]:
    async with Publisher(SecretStr(broker.url_for("ingestor")), "tests") as publisher:
        yield publisher


@pytest.fixture
async def pulled(
    tenant: PulledTenant, publisher: Publisher, tmp_path: Path
) -> AsyncIterator[PulledShop]:
    async with pulled_shop(tmp_path, publisher, tenant) as shop:
        yield shop


@pytest.fixture
def ingestor(database: Database, broker: Broker, engine: AsyncEngine) -> Ingestor:
    return Ingestor(database, broker, engine)
