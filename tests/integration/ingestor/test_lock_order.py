"""Schedule, shop, then the tenant's lock: in one order, so that nobody waits in a circle,
and nobody for ever.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import DatabaseUnavailableError
from services.ingestor.privacy.erasure import erase_rows
from services.ingestor.pulls.queue import queue_backfill
from services.ingestor.store.tenants import ShopFactsMissingError, lock_tenants
from services.ingestor.tenant_settings import SettingsChange, change_settings
from tests.integration.ingestor.facts import order, seen
from tests.integration.ingestor.world import World

_WAITING = text("""SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (
    SELECT pid FROM pg_locks JOIN pg_database AS mine ON mine.oid = database
    WHERE mine.datname = current_database())""")

Work = Callable[[World, UUID], Coroutine[Any, Any, None]]


@pytest.fixture
async def tenant_id(world: World) -> UUID:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1)))
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await queue_backfill(tx, tenant_id, tenant_id, utc_now())
    return tenant_id


async def _change(world: World, tenant_id: UUID) -> None:
    change = SettingsChange(pullIntervalMinutes=60, includeTestOrders=True)
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await change_settings(tx, tenant_id, change)


async def _erase(world: World, tenant_id: UUID) -> None:
    await erase_rows(world.engine, tenant_id, utc_now())


@pytest.mark.parametrize("work", [_change, _erase])
@pytest.mark.parametrize("held", ["schedule", "shops"])
async def test_who_waits_for_a_row_that_comes_earlier_has_none_that_comes_later(
    world: World, tenant_id: UUID, held: str, work: Work
) -> None:
    async with (
        asyncio.TaskGroup() as group,
        transaction(world.engine, tenants=[tenant_id]) as tx,
    ):
        await tx.execute(text(f"SELECT 1 FROM store.{held} FOR UPDATE"))
        group.create_task(work(world, tenant_id))
        async with asyncio.timeout(20):
            while not await tx.scalar(_WAITING):
                await asyncio.sleep(0.01)
        for later in ("shops", "versions"):
            await tx.execute(text(f"SELECT 1 FROM store.{later} FOR UPDATE NOWAIT"))


async def test_what_counts_cannot_be_chosen_before_the_shop_is_known(world: World) -> None:
    tenant_id = await world.add_tenant(shop=False)
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        with pytest.raises(ShopFactsMissingError):
            await change_settings(tx, tenant_id, SettingsChange(includeTestOrders=True))


async def test_a_wait_for_a_lock_that_is_too_long_is_the_database_away(
    world: World, tenant_id: UUID
) -> None:
    async def lock_hastily() -> None:
        async with transaction(world.engine, tenants=[tenant_id]) as tx:
            await tx.execute(text("SET LOCAL lock_timeout = '10ms'"))
            await lock_tenants(tx, [tenant_id])

    async with transaction(world.engine, tenants=[tenant_id]) as holder:
        await lock_tenants(holder, [tenant_id])
        with pytest.raises(DatabaseUnavailableError):
            await lock_hastily()
