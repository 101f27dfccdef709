"""A tenant's facts are cut anew in a time of its own, however many they are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from services.ingestor.store.recut import TenantRecutError, recut
from tests.databases import Database
from tests.factories import SHOP, new_delivery
from tests.integration.ingestor.facts import order, seen
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import order_body

STATEMENT_SECONDS = 0.5
_REDACTION = {
    "shop_id": 1,
    "shop_domain": SHOP,
    "customer": {"id": 7},
    "orders_to_redact": [],
}


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


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/create", order_body(id=2)),
        ("shop/update", {"myshopify_domain": SHOP}),
        ("customers/redact", _REDACTION),
    ],
)
async def test_deliveries_of_other_tenants_do_not_wait_for_one_that_is_cut_anew(
    world: World, publisher: Publisher, moved: UUID, topic: str, body: dict[str, Any]
) -> None:
    other = await world.add_tenant()
    late, beside = new_delivery(moved, topic, body), _order_of(other)
    async with transaction(world.engine, tenants=[moved]) as tx:
        await recut(tx, moved)
        for _ in range(2):
            with pytest.raises(TenantRecutError):
                await handle_all(world.engine, [late, beside], publisher)
        await handle_all(world.engine, [beside], publisher)
    await handle_all(world.engine, [late, beside], publisher)
    for tenant_id in (moved, other):
        assert await world.differences(tenant_id) == []
    assert len(await world.rows(other, "SELECT 1 FROM store.orders")) == 1


def _order_of(tenant_id: UUID) -> DeliveryRecord:
    return new_delivery(tenant_id, "orders/create", order_body(id=3))
