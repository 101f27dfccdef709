"""Facts belong to something that is there: a line to its order, an order to its customer,
everything to its tenant."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from libs.common.database.failures import ReferenceMissingError
from libs.common.database.transaction import transaction
from services.ingestor.store.apply import apply_observations
from services.ingestor.store.tenants import ShopFactsMissingError
from tests.databases import Database
from tests.integration.ingestor.facts import customer, line, order, product, refund, seen
from tests.integration.ingestor.world import World

_FACTS = (
    *("customers", "orders", "order_lines", "refunds", "products"),
    *("daily_sales", "customer_sales", "product_sales", "entity_counts", "versions"),
)
_ADD_LINES = text("""INSERT INTO store.order_lines
    (tenant_id, order_id, id, title, quantity, current_quantity, total, currency, counted)
    SELECT :tenant, order_id, 9, 'Tee', 1, 1, 9.99, 'EUR', false
    FROM unnest(CAST(:orders AS bigint[])) AS given(order_id)""")
_LINES_ADDED = "SELECT order_id FROM store.order_lines WHERE id = 9"
_ADD_ORDER = text("""INSERT INTO store.orders
    (tenant_id, id, customer_id, processed_at, day, currency, updated_at, observed_at)
    VALUES (:tenant, 2, :customer, now(), '2026-01-01', 'EUR', now(), now())""")
_CHANGE_ORDER = text("UPDATE store.orders SET customer_id = :customer WHERE tenant_id = :tenant")
_COUNTS = "SELECT " + ", ".join(
    f"(SELECT count(*) FROM store.{table} WHERE tenant_id = $1) AS {table}" for table in _FACTS
)
_DELETE_TENANT = "DELETE FROM tenancy.tenants WHERE id = $1"


def _everything(tenant_id):
    bought = order(1, customer_id=3, lines=(line(1, "5.00"), line(2, "6.00")))
    return (
        seen(tenant_id, customer(3)),
        seen(tenant_id, product(4)),
        seen(tenant_id, bought),
        seen(tenant_id, refund(5, 1)),
    )


@pytest.fixture
async def owner(database: Database):
    """Sees every tenant: the test's own eyes, not the product's."""
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


async def _left(owner, tenant_id) -> dict[str, int]:
    await owner.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{tenant_id}}}")
    counts = dict(await owner.fetchrow(_COUNTS, tenant_id))
    await owner.execute("SELECT set_config('app.tenant_ids', '', false)")
    return counts


async def test_a_line_of_no_order_is_refused_with_all_of_its_statement(world: World):
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1)), seen(tenant_id, order(2)))

    with pytest.raises(ReferenceMissingError):
        await _add_lines(world, tenant_id, [1, 2, 3])
    assert await world.rows(tenant_id, _LINES_ADDED) == []

    await _add_lines(world, tenant_id, [1, 2])
    assert len(await world.rows(tenant_id, _LINES_ADDED)) == 2


async def test_an_order_of_another_tenant_is_no_order_for_a_line(world: World):
    tenant_id, other = await world.add_tenant(), await world.add_tenant()
    await world.apply(seen(other, order(1)), seen(tenant_id, order(2)))

    with pytest.raises(ReferenceMissingError):
        await _add_lines(world, tenant_id, [1], other)


async def _add_lines(world: World, tenant_id, orders: list[int], *shown) -> None:
    async with transaction(world.engine, tenants=[tenant_id, *shown]) as tx:
        await tx.execute(_ADD_LINES, {"tenant": tenant_id, "orders": orders})


async def test_lines_and_refunds_go_with_their_order_and_no_others(world: World):
    tenant_id = await world.add_tenant()
    kept = order(2, lines=(line(1, "7.00"),))
    await world.apply(*_everything(tenant_id), seen(tenant_id, kept))

    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(
            text("DELETE FROM store.orders WHERE tenant_id = :tenant AND id = 1"),
            {"tenant": tenant_id},
        )

    assert [row["order_id"] for row in await world.rows(tenant_id, _OF_ORDERS)] == [2]


_OF_ORDERS = "SELECT order_id FROM store.order_lines UNION ALL SELECT order_id FROM store.refunds"


async def test_an_order_whose_customer_is_not_there_is_refused(world: World):
    tenant_id, other = await world.add_tenant(), await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, customer_id=3)), seen(other, customer(4)))

    for set_customer in (_ADD_ORDER, _CHANGE_ORDER):
        with pytest.raises(ReferenceMissingError):
            async with transaction(world.engine, tenants=[tenant_id, other]) as tx:
                await tx.execute(set_customer, {"tenant": tenant_id, "customer": 4})

    [left] = await world.rows(tenant_id, "SELECT id, customer_id FROM store.orders")
    assert left == {"id": 1, "customer_id": 3}


async def test_orders_outlive_their_customer(world: World):
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, customer_id=3)))
    await world.apply(seen(tenant_id, order(2, customer_id=4)))

    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(
            text("DELETE FROM store.customers WHERE tenant_id = :tenant AND id = 3"),
            {"tenant": tenant_id},
        )

    rows = await world.rows(tenant_id, "SELECT id, customer_id FROM store.orders ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(1, None), (2, 4)]


async def test_all_that_a_tenant_has_goes_with_it_and_nothing_of_others(
    world: World, owner, database: Database
):
    tenant_id, other = await world.add_tenant(), await world.add_tenant()
    await world.apply(*_everything(tenant_id), *_everything(other))
    before = await _left(owner, other)
    assert min((await _left(owner, tenant_id)).values()) > 0

    oauth = await asyncpg.connect(database.url_for("oauth"))
    await oauth.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{other}}}")
    await oauth.execute(_DELETE_TENANT, tenant_id)
    shown = await oauth.fetchval("SELECT current_setting('app.tenant_ids')")
    await oauth.close()

    assert set((await _left(owner, tenant_id)).values()) == {0}
    assert await _left(owner, other) == before
    assert shown == f"{{{other}}}"


async def test_a_tenant_that_goes_waits_for_the_batch_that_runs(world: World, owner):
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, product(4)))

    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await apply_observations(tx, _everything(tenant_id))
        deleting = asyncio.create_task(owner.execute(_DELETE_TENANT, tenant_id))
        await _until_it_waits(tx, owner)
    await deleting

    assert set((await _left(owner, tenant_id)).values()) == {0}
    with pytest.raises(ShopFactsMissingError):
        await world.apply(*_everything(tenant_id))
    assert set((await _left(owner, tenant_id)).values()) == {0}


async def _until_it_waits(tx, owner) -> None:
    query = text("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = :pid AND NOT granted)")
    async with asyncio.timeout(30):
        while not await tx.scalar(query, {"pid": owner.get_server_pid()}):
            await asyncio.sleep(0.01)
