"""The bench's books are right: what processes spent, a ceiling measured with every row, and what
the store holds.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest
from rich.console import Console

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.ops.bench import simulator
from libs.ops.bench.books import open_books
from libs.ops.bench.ceiling import measure_ceilings, read_stored
from libs.ops.bench.report import Backfill, Report
from libs.ops.bench.stage import LINES as LINES_OF_EACH
from libs.ops.bench.stage import Options
from libs.ops.bench.usage import cpu_seconds_of_all, peak_memory_mb
from libs.ops.errors import OperationError
from tests.databases import Database
from tests.factories import connected_tenant

SHOP = "measured.myshopify.com"
ORDERS, LINES = 25, 3
_BUSY = "import time\nwhile time.process_time() < 0.35: pass"
_PARENT_OF_ENDED = f"""
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {_BUSY!r}], check=True)
print("ready", flush=True)
time.sleep(60)
"""


def test_time_of_children_that_have_ended_counts_for_their_parent():
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT_OF_ENDED], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        spent = cpu_seconds_of_all({"parent": parent.pid})
        parent.kill()

    # The kernel's books round each part of it down to a hundredth.
    assert spent["parent"] >= 0.3


def test_the_peak_of_memory_outlives_what_used_it():
    kept = bytearray(os.urandom(1)) * (64 * 1024 * 1024)
    size_mb = len(kept) / 1024 / 1024
    del kept

    assert peak_memory_mb(os.getpid()) > size_mb


@pytest.fixture
async def filled(database: Database) -> Database:
    owner = await asyncpg.connect(database.url)
    tenant_id = await connected_tenant(owner)
    await owner.execute(
        "INSERT INTO tenancy.shop_directory (domain, tenant_id, status) VALUES ($1, $2, 'active')",
        SHOP,
        tenant_id,
    )
    await owner.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{tenant_id}}}")
    await owner.execute(
        "INSERT INTO store.orders (tenant_id, id, processed_at, day, currency, updated_at,"
        " observed_at) SELECT $1::uuid, n, now(), '2026-01-01', 'EUR', now(), now()"
        " FROM generate_series(1, $2::bigint) AS n",
        tenant_id,
        ORDERS,
    )
    await owner.execute(
        "INSERT INTO store.order_lines (tenant_id, order_id, id, title, quantity,"
        " current_quantity, total, currency, counted) SELECT $1::uuid, id, id * 10 + n, 'Tee', 1,"
        " 1, 9.99, 'EUR', true FROM store.orders, generate_series(1, $2::bigint) AS n",
        tenant_id,
        LINES,
    )
    await owner.close()
    return database


async def test_the_ceiling_is_measured_with_every_row_the_backfill_left(filled: Database):
    stored = await read_stored(filled.url, SHOP)
    ceilings = await measure_ceilings(filled.url, stored.tenant, batch_orders=10)

    assert (stored.orders, stored.lines, stored.counted) == (ORDERS, ORDERS * LINES, ORDERS)
    assert set(ceilings) == {"unnest", "copy"}
    owner = await asyncpg.connect(filled.url)
    await owner.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{stored.tenant}}}")
    for table in ("orders", "order_lines"):
        difference = f"SELECT * FROM store.{table} EXCEPT SELECT * FROM bench.{table}"
        assert await owner.fetch(difference) == []
    await owner.close()

    backfill = Backfill(2.0, 3.0, {"worker": 1.0}, 100.0, stored)
    figures = Report(0.5, backfill, ceilings).as_json()
    assert figures["backfill"]["ordersPerSecond"] == ORDERS / 2
    assert figures["ceilings"]["copy"]["ratio"] == round(ceilings["copy"].seconds / 2, 3)


@pytest.fixture
async def owner(filled: Database) -> AsyncIterator[asyncpg.Connection]:
    """Sees the tenant of the shop, as the books do."""
    connection = await asyncpg.connect(filled.url)
    await connection.execute(
        "SELECT set_config('app.tenant_ids', '{' || tenant_id || '}', false)"
        " FROM tenancy.shop_directory WHERE domain = $1",
        SHOP,
    )
    yield connection
    await connection.close()


async def test_states_are_equal_whenever_they_were_seen_and_not_when_one_amount_differs(
    filled: Database, owner: asyncpg.Connection
):
    async with open_books(filled.url, SHOP) as books:
        before = await books.digest()
        await owner.execute("UPDATE store.orders SET observed_at = now(), pulled_at = now()")
        seen_again = await books.digest()
        await owner.execute("UPDATE store.order_lines SET total = 9.98 WHERE order_id = 7")
        changed = await books.digest()

    assert before == seen_again
    assert before["order_lines"][0] == ORDERS * LINES
    assert [table for table in before if before[table] != changed[table]] == ["order_lines"]


async def test_what_was_written_and_not_committed_was_written_in_vain(
    filled: Database, owner: asyncpg.Connection
):
    undone = owner.transaction()
    await undone.start()
    await owner.execute(
        "INSERT INTO store.orders (tenant_id, id, processed_at, day, currency, updated_at,"
        " observed_at) SELECT tenant_id, id + 1000, processed_at, day, currency, updated_at,"
        " observed_at FROM store.orders LIMIT 10"
    )
    await undone.rollback()
    # What a backend counted is told to all when it ends, or a little later.
    await owner.close()

    async with open_books(filled.url, SHOP) as books, asyncio.timeout(30):
        while (found := await books.orders_written_in_vain()) <= 0:
            await asyncio.sleep(0.05)
        assert found == 10
        assert len(set(await books.some_orders(12))) == 12


async def test_a_pull_that_ended_badly_is_no_figure(filled: Database, owner: asyncpg.Connection):
    first, second = new_id(), new_id()
    pull = (
        "INSERT INTO store.pulls (tenant_id, id, kind, state, requested_at, started_at,"
        " finished_at, records_processed) SELECT tenant_id, $1, 'backfill', $2, $3::timestamptz,"
        " $3, $3 + interval '2 s', 7 FROM tenancy.shop_directory WHERE domain = $4"
    )
    now = utc_now()
    async with open_books(filled.url, SHOP) as books:
        await owner.execute(pull, first, "succeeded", now, SHOP)
        ended = await books.pull_after(None)
        assert (ended.id, ended.records, ended.seconds) == (first, 7, 2.0)
        await owner.execute(pull, second, "mismatch", now, SHOP)
        assert await books.is_over()
        with pytest.raises(OperationError, match="mismatch"):
            await books.pull_after(first)


async def test_a_shop_that_nobody_connected_has_no_books(filled: Database):
    with pytest.raises(OperationError, match="is not connected"):
        async with open_books(filled.url, "other.myshopify.com"):
            pass


async def test_the_simulator_alone_is_measured_by_an_export_with_every_line():
    figures = await simulator.measure(Options(20, 0, Console()))

    found = {row.name: row.value for row in figures.rows}
    assert found["lines of the export"] == 20 * (1 + LINES_OF_EACH)
    assert found["written and served"] < min(found["written"], found["served"])
    assert found["peak memory"] > 10
