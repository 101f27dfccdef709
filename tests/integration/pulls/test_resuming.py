"""A pull survives its worker: killed or stopped, a successor goes on where it was, with the same
export, and the figures come out the same.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.leases import claim_due
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.pulls.simulated import (
    ROOT,
    InstalledShops,
    Simulator,
    simulator,
    write_shop,
)
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "resume.myshopify.com"
ORDERS = 6_000


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "resume.csv", orders=ORDERS)
    async with simulator(tmp_path / "simulator", "--shop", f"{SHOP}={file}") as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator, tenant: PulledTenant) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = await shopify.install(SHOP)
    return shops


async def _ends_true(tenant: PulledTenant, shopify: Simulator) -> None:
    pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    truth = await shopify.truth(SHOP)
    totals = await tenant.totals()
    assert (totals["orders"], totals["units"]) == (ORDERS, truth["units"])
    assert totals["total"] == totals["revenue"] == Decimal(truth["revenue"])
    assert (totals["customers"], totals["products"]) == (truth["customers"], truth["products"])
    days = await tenant.rows("SELECT day, orders, revenue FROM store.daily_sales WHERE orders > 0")
    assert {str(row["day"]): (row["orders"], row["revenue"]) for row in days} == {
        day["date"]: (day["orders"], Decimal(day["revenue"]))
        for day in truth["days"]
        if day["orders"]
    }


async def _is_newest_first(tenant: PulledTenant) -> None:
    [orders] = await tenant.rows(
        "SELECT checkpoint->'slices' AS slices FROM store.pull_entities WHERE entity = 'orders'"
    )
    recent, *older = orders["slices"]
    assert older, "the shop is large enough for more than one export"
    since = recent["window"]["since"]
    [found] = await tenant.rows(
        f"SELECT count(*) AS n FROM store.orders WHERE created_at >= '{since}'"
    )
    assert found["n"] == recent["applied"] > 0
    assert recent.get("done") or not any(each.get("applied") for each in older)


async def test_a_killed_workers_pull_goes_on_from_its_checkpoint(
    database: Database,
    broker: Broker,
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    given = {
        "database_url": database.url_for("ingestor"),
        "amqp_url": broker.url_for("ingestor"),
        "api_url": shopify.api.url,
        "shop": SHOP,
        "token": shops.by_tenant[tenant.id].access_token,
    }
    script = Path(__file__).with_name("pulling.py")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(script), json.dumps(given), cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    done = await tenant.until_importing_orders()
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    operations = await tenant.operations()
    assert worker.returncode == -signal.SIGKILL
    state, kept = (await tenant.entities())["orders"]
    assert (state, (await tenant.pull())["state"]) == ("importing", "running")
    assert 0 < done <= kept < ORDERS, "it was killed in the middle"
    assert (await tenant.totals())["orders"] == kept, "what is told and what is in are one commit"
    await _is_newest_first(tenant)
    assert await claim_due(engine, 1) == []
    async with transaction(engine) as tx:
        await tx.execute(text("UPDATE store.schedule SET lease_until = now()"))
    async with working(engine, publisher, shopify, shops):
        await _ends_true(tenant, shopify)
    assert await tenant.operations() == operations


async def test_a_stopped_worker_gives_its_pull_back_at_once(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    async with working(engine, publisher, shopify, shops) as running:
        await tenant.until_importing_orders()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    done = (await tenant.entities())["orders"][1]
    assert 0 < done < ORDERS
    operations = await tenant.operations()
    async with working(engine, publisher, shopify, shops):
        await _ends_true(tenant, shopify)
    assert await tenant.operations() == operations


async def test_a_new_connection_stops_the_pull_that_runs(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    async with working(engine, publisher, shopify, shops):
        await tenant.until_importing_orders()
        newer = await tenant.queue()
        await _ends_true(tenant, shopify)
    states = await tenant.rows("SELECT id, state FROM store.pulls")
    assert {row["state"] for row in states if row["id"] != newer} == {"failed"}
