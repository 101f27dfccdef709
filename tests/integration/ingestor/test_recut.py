"""A tenant's facts are cut anew in a time of its own, however many they are."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from services.ingestor.store.recut import recut
from tests.databases import Database
from tests.integration.ingestor.facts import order, seen
from tests.integration.ingestor.world import World

STATEMENT_SECONDS = 0.5


@pytest.fixture
async def hasty(database: Database) -> AsyncIterator[AsyncEngine]:
    """Ends every statement early that has no time of its own."""
    url = SecretStr(database.url_for("ingestor"))
    engine = create_engine(url, "hasty", statement_seconds=STATEMENT_SECONDS)
    yield engine
    await engine.dispose()


@pytest.fixture
async def moved(world: World) -> UUID:
    """A tenant whose zone has changed, so that the day of its order does."""
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1)))
    await world.rows(tenant_id, "UPDATE store.shops SET zone = 'Pacific/Kiritimati' RETURNING 1")
    return tenant_id


async def test_a_statement_may_take_longer_than_any_other(
    world: World, hasty: AsyncEngine, moved: UUID
) -> None:
    async def cut() -> int:
        async with transaction(hasty, tenants=[moved]) as tx:
            return await recut(tx, moved)

    async with (
        asyncio.TaskGroup() as group,
        transaction(world.engine, tenants=[moved]) as holder,
    ):
        await holder.execute(text("SELECT 1 FROM store.orders FOR UPDATE"))
        cutting = group.create_task(cut())
        await asyncio.sleep(STATEMENT_SECONDS * 4)
    assert cutting.result() == 2
    assert await world.differences(moved) == []
