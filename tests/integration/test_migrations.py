"""Every migration goes up, comes down without a trace, and goes up again to the same database."""

from datetime import UTC, datetime

import asyncpg
import pytest
from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from libs.ops.migrate import migrate, migrate_down
from libs.ops.roles import SERVICES, role_name
from services.ingestor.store.audit import recompute_differences
from services.ingestor.values import EARLIEST
from tests.factories import connected_tenant

PASSWORDS = dict.fromkeys(SERVICES, "only-for-tests")

CATALOGUE = """
SELECT 'column', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull::text
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store') AND a.attnum > 0
UNION ALL
SELECT 'constraint', n.nspname, coalesce(conrelid::regclass::text, ''), conname,
       pg_get_constraintdef(o.oid), ''
FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store')
UNION ALL
SELECT 'policy', schemaname, tablename, policyname, qual, with_check FROM pg_policies
UNION ALL
SELECT 'grant', n.nspname, c.relname, c.relacl::text, '', ''
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store')
UNION ALL
SELECT 'schema', nspname, '', '', '', '' FROM pg_namespace
WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema'
"""


async def _catalogue(url: str) -> set[tuple[str, ...]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(CATALOGUE)
    await connection.close()
    return {tuple(row) for row in rows}


async def test_up_down_and_up_again(empty_database):
    await migrate(empty_database.url, PASSWORDS)
    first = await _catalogue(empty_database.url)
    await migrate_down(empty_database.url, "base")
    down = await _catalogue(empty_database.url)
    await migrate(empty_database.url, PASSWORDS)
    again = await _catalogue(empty_database.url)

    assert len(first) > 200
    assert {row[1] for row in down} == {"public"}
    assert first == again


async def test_a_second_run_changes_nothing(empty_database):
    await migrate(empty_database.url, PASSWORDS)
    before = await _catalogue(empty_database.url)
    await migrate(empty_database.url, PASSWORDS)
    assert await _catalogue(empty_database.url) == before


@pytest.mark.parametrize("made_by", ["migrate", "a copy of it"])
async def test_only_the_ingestor_may_make_temporary_tables(empty_database, database, made_by):
    if made_by == "migrate":
        await migrate(empty_database.url, PASSWORDS)
    owner = await asyncpg.connect((empty_database if made_by == "migrate" else database).url)
    may = [
        service
        for service in SERVICES
        if await owner.fetchval(
            "SELECT has_database_privilege($1, current_database(), 'TEMPORARY')", role_name(service)
        )
    ]
    await owner.close()

    assert may == ["ingestor"]


_BEFORE_ODD_VALUES = "0035"
_OLD_FACTS = """
INSERT INTO store.shops (tenant_id, shopify_id, domain, name, currency, zone, observed_at)
    VALUES ($1, 1, 'cups.myshopify.com', 'Cups', 'EUR', 'America/Los_Angeles', now());
INSERT INTO store.versions (tenant_id) VALUES ($1);
INSERT INTO store.orders
    (tenant_id, id, processed_at, day, currency, total, subtotal, updated_at, observed_at)
    VALUES
    ($1, 1, '-infinity', '-infinity', 'EUR', 10, 10, now(), now()),
    ($1, 2, '1899-12-30T12:00Z', '1899-12-30', 'EUR', 20, 20, now(), now()),
    ($1, 3, '2099-11-02T12:00Z', '2099-11-02', 'USD', 40, 40, now(), now()),
    ($1, 4, '2026-11-02T12:00Z', '2026-11-02', 'EUR', 80, 80, now(), now());
INSERT INTO store.refunds
    (tenant_id, order_id, id, created_at, day, amount, currency, counted, observed_at)
    VALUES ($1, 4, 5, '0001-01-01T00:00Z', '0001-12-31 BC', 3, 'EUR', true, now());
INSERT INTO store.daily_sales (tenant_id, day, currency, orders, revenue, gross, refunded)
    VALUES
    ($1, '-infinity', 'EUR', 1, 10, 10, 0),
    ($1, '1899-12-30', 'EUR', 1, 20, 20, 0),
    ($1, '2099-11-02', 'USD', 1, 40, 40, 0),
    ($1, '2026-11-02', 'EUR', 1, 80, 80, 0),
    ($1, '0001-12-31 BC', 'EUR', 0, 0, 0, 3);
INSERT INTO store.customer_sales (tenant_id, customer_id, currency) VALUES ($1, 7, 'EUR');
INSERT INTO store.entity_counts (tenant_id, entity, records) VALUES ($1, 'orders', 4);
"""


async def test_impossible_days_are_taken_back_from_what_is_there_and_come_again(empty_database):
    await migrate(empty_database.url, PASSWORDS)
    await migrate_down(empty_database.url, _BEFORE_ODD_VALUES)
    owner = await asyncpg.connect(empty_database.url)
    tenant_id = await connected_tenant(owner)
    await owner.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{tenant_id}}}")
    await owner.execute(_OLD_FACTS.replace("$1", f"'{tenant_id}'"))

    await migrate(empty_database.url, PASSWORDS)

    orders = "SELECT id, day::text, processed_at FROM store.orders ORDER BY id"
    assert [tuple(row) for row in await owner.fetch(orders)] == [
        (1, None, EARLIEST),
        (2, None, datetime(1899, 12, 30, 12, tzinfo=UTC)),
        (3, None, datetime(2099, 11, 2, 12, tzinfo=UTC)),
        (4, "2026-11-02", datetime(2026, 11, 2, 12, tzinfo=UTC)),
    ]
    sums = "SELECT currency, orders, revenue, refunded FROM store.undated_sales ORDER BY currency"
    assert [tuple(row) for row in await owner.fetch(sums)] == [("EUR", 2, 30, 3), ("USD", 1, 40, 0)]
    days = "SELECT day::text FROM store.daily_sales"
    assert [row["day"] for row in await owner.fetch(days)] == ["2026-11-02"]
    assert await owner.fetchval("SELECT version FROM store.versions") == 1
    engine = create_engine(SecretStr(empty_database.url_for("ingestor")), "test")
    async with transaction(engine, tenants=[tenant_id]) as tx:
        differences = await recompute_differences(tx, tenant_id)
    await engine.dispose()
    assert differences == []

    await migrate_down(empty_database.url, _BEFORE_ODD_VALUES)
    revenue = "SELECT sum(revenue), sum(orders), sum(refunded) FROM store.daily_sales"
    assert tuple(await owner.fetchrow(revenue)) == (150, 4, 3)
    await migrate(empty_database.url, PASSWORDS)
    assert [tuple(row) for row in await owner.fetch(sums)] == [("EUR", 2, 30, 3), ("USD", 1, 40, 0)]
    await owner.close()
