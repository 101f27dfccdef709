"""A batch finds the rows it names by their key, though nothing is known about the tables yet.

In the first minute of a first backfill PostgreSQL has no statistics, and keeps plans that were made
when the tables had next to nothing in them. An index that begins with the tenant then looks as good
as the key's, and reading it once a row reads all that the tenant has.
"""

from uuid import uuid4

import asyncpg
from sqlalchemy import text

from libs.common.database.transaction import transaction
from services.ingestor.entities.fulfillments import Fulfillment
from services.ingestor.facts import Records
from services.ingestor.pulls.left_out import orders_left
from services.ingestor.store.apply import apply_observations
from tests.databases import Database
from tests.integration.ingestor.facts import START, order, refund, seen
from tests.integration.ingestor.world import World

STORED, NAMED = 6_000, 60
BATCHES_BEFORE = 7
"""After five PostgreSQL keeps its plan."""
_STORE = text("""INSERT INTO store.orders
    (tenant_id, id, processed_at, day, currency, updated_at, observed_at)
    SELECT :tenant, n, now(), '2026-01-01', 'EUR', '-infinity', '-infinity'
    FROM generate_series(100, CAST(:orders AS integer)) AS n""")
_READ = """SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes
    WHERE schemaname = 'store' AND relname = 'orders'"""
_ROWS_READ = """SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables
    WHERE relid = 'store.orders'::regclass"""
_STORE_PARTS = text("""INSERT INTO store.fulfillments
    (tenant_id, id, order_id, updated_at, observed_at)
    SELECT :tenant, n, n, '-infinity', '-infinity'
    FROM generate_series(100, CAST(:parts AS integer)) AS n""")
_READ_PARTS = _READ.replace("'orders'", "'fulfillments'")
_STORE_REFUNDS = text("""INSERT INTO store.refunds
    (tenant_id, order_id, id, created_at, day, amount, currency, counted, observed_at)
    SELECT :tenant, n, n, now(), '2026-01-01', 1, 'EUR', true, '-infinity'
    FROM generate_series(100, CAST(:refunds AS integer)) AS n""")
_READ_REFUNDS = """SELECT i.read + t.seq_tup_read FROM pg_stat_user_tables AS t,
        LATERAL (SELECT sum(idx_tup_read)::bigint AS read FROM pg_stat_user_indexes
            WHERE relid = t.relid) AS i
    WHERE t.schemaname = 'store' AND t.relname = 'refunds'"""
_STORE_PULL = text("""INSERT INTO store.pulls (tenant_id, id, kind, scope, state, requested_at)
    VALUES (:tenant, :pull, 'backfill', 'all', 'running', now())""")
_MANY = 600
"""So many rows named that it looks cheaper to read all of the tenant's."""

_TIMES_ALL = 6
"""How often one batch may read all orders, with its several statements; not once for each row."""


def _whole(order_id: int) -> Records:
    """An order of which nothing was sent."""
    return Records(entity="fulfillments", rows=(), owner_id=order_id)


def _sent(order_id: int) -> Records:
    row = Fulfillment(
        id=order_id,
        order_id=order_id,
        name=None,
        status="success",
        shipment_status=None,
        location_id=None,
        quantity=1,
        created_at=START,
        updated_at=START,
    )
    return Records(entity="fulfillments", rows=(row,))


async def test_a_batch_does_not_read_all_orders_for_each_row(world: World, database: Database):
    tenant_id = await world.add_tenant()
    for number in range(1, BATCHES_BEFORE + 1):
        first = order(number, customer_id=number, refunds=(refund(number, number),))
        await world.apply(seen(tenant_id, first))
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(_STORE, {"tenant": tenant_id, "orders": STORED})
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))
    owner = await asyncpg.connect(database.url)
    before = await owner.fetchval(_READ)

    batch = [seen(tenant_id, order(STORED + n, customer_id=n)) for n in range(1, NAMED + 1)]
    batch += [seen(tenant_id, refund(100 + n, STORED - n)) for n in range(1, NAMED + 1)]
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await apply_observations(tx, batch)
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))

    read = await owner.fetchval(_READ) - before
    await owner.close()
    assert NAMED <= read < _TIMES_ALL * STORED


async def test_parts_of_orders_do_not_read_the_orders_that_are_there(
    world: World, database: Database
):
    """Only whether one of them is gone is asked."""
    tenant_id = await world.add_tenant()
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(_STORE, {"tenant": tenant_id, "orders": STORED})
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))
    owner = await asyncpg.connect(database.url)
    before = await owner.fetchval(_ROWS_READ)

    batch = [seen(tenant_id, _sent(STORED - n), 1) for n in range(_MANY)]
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await apply_observations(tx, batch)
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))

    read = await owner.fetchval(_ROWS_READ) - before
    await owner.close()
    assert read <= _MANY


async def test_a_whole_list_finds_the_rows_of_its_owner_without_all_others(
    world: World, database: Database
):
    tenant_id = await world.add_tenant()
    for number in range(1, BATCHES_BEFORE + 1):
        await world.apply(seen(tenant_id, _whole(number), 1))
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(_STORE_PARTS, {"tenant": tenant_id, "parts": STORED})
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))
    owner = await asyncpg.connect(database.url)
    before = await owner.fetchval(_READ_PARTS)

    batch = [seen(tenant_id, _whole(STORED - n), 1) for n in range(1, NAMED + 1)]
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await apply_observations(tx, batch)
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))

    read = await owner.fetchval(_READ_PARTS) - before
    await owner.close()
    assert NAMED <= read < STORED // 2


async def test_refunds_of_a_batch_are_found_without_all_others(world: World, database: Database):
    tenant_id = await world.add_tenant()
    for number in range(1, BATCHES_BEFORE + 1):
        first = order(number, customer_id=number, refunds=(refund(number, number),))
        await world.apply(seen(tenant_id, first, pulled=True))
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(_STORE, {"tenant": tenant_id, "orders": STORED})
        await tx.execute(_STORE_REFUNDS, {"tenant": tenant_id, "refunds": STORED})
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))
    owner = await asyncpg.connect(database.url)
    before = await owner.fetchval(_READ_REFUNDS)

    batch = [
        seen(tenant_id, refund(STORED - n, STORED - n), pulled=True) for n in range(1, NAMED + 1)
    ]
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await apply_observations(tx, batch)
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))

    read = await owner.fetchval(_READ_REFUNDS) - before
    await owner.close()
    mended = "SELECT count(*) AS n FROM store.refunds WHERE amount = 3"
    assert (await world.row(tenant_id, mended))["n"] == NAMED + BATCHES_BEFORE
    assert NAMED <= read < STORED // 2


async def test_refunds_whose_lines_are_left_ask_for_their_own_orders_alone(
    world: World, database: Database
):
    tenant_id, pull_id = await world.add_tenant(), uuid4()
    paid = _STORE.text.replace("currency,", "currency, financial_status,").replace(
        "'EUR',", "'EUR', 'paid',"
    )
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(text(paid), {"tenant": tenant_id, "orders": STORED})
        await tx.execute(_STORE_REFUNDS, {"tenant": tenant_id, "refunds": 100 + NAMED})
        await tx.execute(_STORE_PULL, {"tenant": tenant_id, "pull": pull_id})
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))
    owner = await asyncpg.connect(database.url)
    before = await owner.fetchval(_ROWS_READ)

    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        after, found = await orders_left(tx, tenant_id, pull_id, 0, None)
        assert after is not None
        end = await orders_left(tx, tenant_id, pull_id, after, None)
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))

    read = await owner.fetchval(_ROWS_READ) - before
    await owner.close()
    assert found == list(range(100, 100 + NAMED + 1))
    assert end == (None, [])
    assert NAMED < read < _TIMES_ALL * STORED
