"""The bench's books are right: what processes spent, and a ceiling measured with every row."""

import os
import subprocess
import sys

import asyncpg
import pytest

from libs.common.ids import new_id
from libs.ops.bench.backfill import Backfill
from libs.ops.bench.ceiling import measure_ceilings, read_stored
from libs.ops.bench.report import Report
from libs.ops.bench.usage import cpu_seconds_of_all, peak_memory_mb
from tests.databases import Database

SHOP = "measured.myshopify.com"
ORDERS, LINES = 25, 3
_BUSY = "import time\nwhile time.process_time() < 0.3: pass"
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

    assert spent["parent"] >= 0.3


def test_the_peak_of_memory_outlives_what_used_it():
    kept = bytearray(os.urandom(1)) * (64 * 1024 * 1024)
    size_mb = len(kept) / 1024 / 1024
    del kept

    assert peak_memory_mb(os.getpid()) > size_mb


@pytest.fixture
async def filled(database: Database) -> Database:
    tenant_id = new_id()
    owner = await asyncpg.connect(database.url)
    await owner.execute(
        "INSERT INTO tenancy.tenants (id, connected_at) VALUES ($1, now())", tenant_id
    )
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

    backfill = Backfill(2.0, {"worker": 1.0}, 100.0, stored)
    figures = Report(0.5, backfill, ceilings).as_json()
    assert figures["backfill"]["ordersPerSecond"] == ORDERS / 2
    assert figures["ceilings"]["copy"]["ratio"] == round(ceilings["copy"].seconds / 2, 3)
