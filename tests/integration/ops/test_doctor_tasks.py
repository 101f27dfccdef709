"""The doctor says what of long work fails, what privacy law wants by when, whose totals differ."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from libs.ops.diagnosis.database import look_at_database
from libs.ops.diagnosis.findings import Finding
from tests.databases import Database
from tests.integration.analytics.shop_facts import Shop

DAY = timedelta(days=1)
_LETTER = """
INSERT INTO store.dead_letters
    (tenant_id, id, consumer, kind, reason, attempts, topic, record, created_at)
VALUES ($1, gen_random_uuid(), 'deliveries.store', 'delivery', 'test', 1, $2, '',
    now() - $3::interval)
"""
_TASK = """
INSERT INTO store.tasks (tenant_id, kind, id, due_at, failures, error, lease_until)
VALUES ($1, $2, gen_random_uuid(), now() - $3::interval, $4, $5, now() + $6::interval)
"""
_AUDIT = "INSERT INTO store.audits VALUES ($1, now() - interval '3 days', $2, $3)"


@pytest.fixture
async def shop(database: Database) -> Shop:
    made = Shop(database.url)
    await made.connect()
    return made


async def _do(shop: Shop, statement: str, *values: Any) -> None:
    async with shop.connection() as connection:
        await connection.execute(statement, shop.tenant_id, *values)


async def _found(database: Database, what: str) -> Finding:
    [finding] = [each for each in await look_at_database(database.url) if each.what == what]
    return finding


async def test_letters_older_than_a_week_are_said_louder(database: Database, shop: Shop):
    await _do(shop, _LETTER, "orders/create", DAY)
    young = await _found(database, "dead letters")
    await _do(shop, _LETTER, "orders/create", 9 * DAY)
    old = await _found(database, "dead letters")

    assert "older than" not in young.seen
    assert "the oldest 9 d old, 1 older than 7 days" in old.seen
    assert "over 7 days" in old.to_do
    assert "tillstream dead-letters retry" in young.to_do


async def test_letters_of_tenants_that_nobody_knows_are_counted_too(database: Database, shop: Shop):
    async with shop.connection() as connection:
        stranger = uuid4()
        await connection.execute(
            "SELECT set_config('app.tenant_ids', $1, false)", f"{{{stranger}}}"
        )
        await connection.execute(_LETTER, stranger, "orders/create", DAY)
    assert (await _found(database, "dead letters")).seen.startswith("1, ")


@pytest.mark.parametrize(
    ("age", "left"), [(9 * DAY, "21 d are left"), (31 * DAY, "the law's 30 days are over")]
)
async def test_what_privacy_law_wants_is_said_with_the_time_that_is_left(
    database: Database, shop: Shop, age: timedelta, left: str
):
    assert (await _found(database, "privacy requests")).ok
    await _do(shop, _LETTER, "customers/redact", age)
    await _do(shop, _LETTER, "shop/redact", DAY)
    finding = await _found(database, "privacy requests")
    assert not finding.ok
    assert "customers/redact (1), shop/redact (1)" in finding.seen
    assert left in finding.seen


async def test_long_work_that_goes_on_is_well_and_that_nobody_does_is_not(
    database: Database, shop: Shop
):
    assert (await _found(database, "tasks")).seen == "none waits"
    hour, none = timedelta(hours=1), timedelta(0)
    await _do(shop, _TASK, "erasure", hour, 0, None, hour)
    running = await _found(database, "tasks")
    await _do(shop, _TASK, "data_request", hour, 0, None, -hour)
    idle = await _found(database, "tasks")
    await _do(shop, "DELETE FROM store.tasks WHERE tenant_id = $1 AND kind = 'data_request'")
    await _do(shop, _TASK, "redaction", none, 3, "SERVICE_UNAVAILABLE", none)
    failing = await _found(database, "tasks")

    assert running.ok
    assert "1 erasure (1 running" in running.seen
    assert "nobody works" in idle.to_do
    assert f"redaction of {shop.tenant_id} (SERVICE_UNAVAILABLE, 3 times)" in failing.seen
    assert not failing.ok


async def test_totals_that_differ_are_named_with_what_makes_them_right(
    database: Database, shop: Shop
):
    assert (await _found(database, "totals")).ok
    await _do(shop, _AUDIT, 0, [])
    equal = await _found(database, "totals")
    await _do(shop, "DELETE FROM store.audits WHERE tenant_id = $1")
    await _do(shop, _AUDIT, 2, ["daily_sales 2026-03-07 EUR"])
    different = await _found(database, "totals")

    assert equal.ok
    assert "the longest ago 3 d, all equal" in equal.seen
    assert f"{shop.tenant_id} (2: daily_sales 2026-03-07 EUR)" in different.seen
    assert "tillstream tenants recompute" in different.to_do
