"""An erased tenant leaves no row in the store but its tombstone, whoever writes meanwhile, and
what still arrives for it is dropped.
"""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, encode_records
from libs.common.tables import store
from services.ingestor.deliveries.dead_letters import keep_dead_letter
from services.ingestor.facts import Observation
from services.ingestor.privacy.erasure import erase_rows
from services.ingestor.pulls.queue import queue_backfill
from services.ingestor.store.tenants import ShopFactsMissingError
from tests.factories import new_delivery
from tests.integration.ingestor.facts import customer, line, order, product, refund, seen
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import order_body

FILLED = {
    "applied_deliveries",
    "customer_sales",
    "customers",
    "daily_sales",
    "dead_letters",
    "entity_counts",
    "order_lines",
    "orders",
    "product_sales",
    "products",
    "pull_entities",
    "pulls",
    "refunds",
    "schedule",
    "shops",
    "unknown_fields",
    "versions",
    "watermarks",
}
NOW = utc_now()


def _facts(tenant_id: UUID) -> list[Observation]:
    facts: list[Any] = []
    for number in range(1, 8):
        lines, refunds = (line(1), line(2)), (refund(1, number),)
        facts += customer(number), product(number)
        facts.append(order(number, customer_id=number, lines=lines, refunds=refunds))
    return [seen(tenant_id, fact) for fact in facts]


def _delivery(tenant_id: UUID, number: int) -> DeliveryRecord:
    return new_delivery(tenant_id, "orders/create", order_body(id=number, brand_new=1))


def _letter(tenant_id: UUID, number: int) -> DeadLetter:
    lost = _delivery(tenant_id, number)
    body = encode_records([lost])
    return DeadLetter("deliveries.store", Kind.DELIVERY, "test", 1, body, tenant_id, lost.type)


async def _fill(world: World, publisher: Publisher) -> UUID:
    tenant_id = await world.add_tenant()
    await world.apply(*_facts(tenant_id))
    await handle_all(world.engine, [_delivery(tenant_id, 99)], publisher)
    await keep_dead_letter(world.engine, _letter(tenant_id, 100))
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await queue_backfill(tx, tenant_id, uuid4(), NOW)
        mark = "INSERT INTO store.watermarks VALUES (:tenant, 'orders', now())"
        await tx.execute(text(mark), {"tenant": tenant_id})
    return tenant_id


async def _rows(world: World, tenant_id: UUID) -> dict[str, int]:
    """Table to how many rows of the tenant it holds, without those that hold none."""
    counts = {}
    for table in store.metadata.tables.values():
        query = f"SELECT count(*) AS n FROM {table} WHERE tenant_id = :tenant"
        counts[table.name] = (await world.row(tenant_id, query))["n"]
    return {name: count for name, count in counts.items() if count}


async def _receipt(world: World, tenant_id: UUID) -> Any:
    return await world.row(tenant_id, "SELECT * FROM store.erasures")


@pytest.mark.parametrize("chunk", [2, 5_000])
async def test_nothing_of_the_tenant_stays_and_nothing_of_another_goes(
    world: World, publisher: Publisher, chunk: int
) -> None:
    mine, other = await _fill(world, publisher), await _fill(world, publisher)
    before, of_other = await _rows(world, mine), await _rows(world, other)
    assert set(before) >= FILLED

    counts = await erase_rows(world.engine, mine, NOW, chunk=chunk)

    assert await _rows(world, mine) == {"erasures": 1}
    assert await _rows(world, other) == of_other
    assert await world.differences(other) == []
    assert counts == before
    receipt = await _receipt(world, mine)
    assert (receipt["counts"], receipt["requested_at"]) == (before, NOW)


async def test_an_erasure_that_was_cut_off_goes_on_and_counts_every_row_once(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await _fill(world, publisher)
    before = await _rows(world, tenant_id)
    erasing = asyncio.create_task(erase_rows(world.engine, tenant_id, NOW, chunk=1))
    async with asyncio.timeout(20):
        while "refunds" in await _rows(world, tenant_id):
            await asyncio.sleep(0)
    erasing.cancel()
    await asyncio.gather(erasing, return_exceptions=True)
    assert (await _receipt(world, tenant_id))["erased_at"] is None

    assert await erase_rows(world.engine, tenant_id, NOW + timedelta(hours=1)) == before
    first = await _receipt(world, tenant_id)
    assert await erase_rows(world.engine, tenant_id, NOW) == before

    assert await _receipt(world, tenant_id) == first
    assert first["erased_at"] is not None


async def test_whoever_writes_while_a_tenant_is_erased_leaves_nothing(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await _fill(world, publisher)

    async def write(number: int) -> None:
        await handle_all(world.engine, [_delivery(tenant_id, number)], publisher)

    await asyncio.gather(
        *(write(number) for number in range(200, 210)),
        erase_rows(world.engine, tenant_id, NOW, chunk=3),
        *(write(number) for number in range(210, 220)),
    )

    assert set(await _rows(world, tenant_id)) <= {"erasures", "applied_deliveries"}
    assert await world.rows(tenant_id, "SELECT * FROM store.orders") == []


async def test_deliveries_that_still_arrive_are_dropped_and_those_beside_them_applied(
    world: World, publisher: Publisher
) -> None:
    gone, alive = await _fill(world, publisher), await world.add_tenant()
    await erase_rows(world.engine, gone, NOW)
    batch = [_delivery(gone, 300), _delivery(alive, 301), _delivery(gone, 302)]
    batch.append(new_delivery(gone, "carts/create", {}))

    for _ in range(2):
        await handle_all(world.engine, batch, publisher)
        await keep_dead_letter(world.engine, _letter(gone, 303))

    assert await _rows(world, gone) == {"erasures": 1}
    assert [row["id"] for row in await world.rows(alive, "SELECT id FROM store.orders")] == [301]


async def test_a_tenant_whose_shop_is_not_known_yet_is_waited_for_and_not_dropped(
    world: World, publisher: Publisher
) -> None:
    gone, new = await _fill(world, publisher), await world.add_tenant(shop=False)
    await erase_rows(world.engine, gone, NOW)

    with pytest.raises(ShopFactsMissingError):
        await handle_all(world.engine, [_delivery(gone, 300), _delivery(new, 301)], publisher)
    await keep_dead_letter(world.engine, _letter(new, 302))
    assert len(await world.rows(new, "SELECT * FROM store.dead_letters")) == 1
