"""An export that Shopify breaks off half way costs time alone: what it brought is seen at once,
changes nothing that we had, and is taken for no more than it is.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.database.transaction import transaction
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.exports import EXPORTS_AT_MOST
from services.ingestor.pulls.state import ENTITIES
from services.ingestor.store.audit import recompute_differences
from tests.integration.messaging.queues import until
from tests.integration.pulls.simulated import InstalledShops, Simulator, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "broken.myshopify.com"
ORDERS = 120
FIRST_OF_EACH_BREAKS = {"bulkDelay": 1.0, "bulkBreaks": 3}
"""Exports of all three entities are begun well before the first of them is over."""


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "shop.csv", orders=ORDERS)
    async with simulator(tmp_path / "simulator", "--shop", f"{SHOP}={file}") as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator, tenant: PulledTenant) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = await shopify.install(SHOP)
    return shops


def _applied(logs: list[Any]) -> dict[str, int]:
    """Records that parts added, by entity."""
    told = [each for each in logs if each["event"] == "part_applied"]
    return {each["entity"]: each["records"] for each in told}


async def test_after_exports_that_broke_off_everything_is_there_and_true(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    await shopify.faults(SHOP, **FIRST_OF_EACH_BREAKS)
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    assert all(each["done"] == each["expected"] for each in pull["entities"])
    applied = _applied(logs)
    assert 0 < applied["customers"] < ORDERS // 3
    assert 0 < applied["orders"] < ORDERS
    truth, totals = await shopify.truth(SHOP), await tenant.totals()
    assert totals["total"] == totals["revenue"] == Decimal(truth["revenue"])
    assert totals["units"] == totals["product_units"] == truth["units"]
    assert [totals[name] for name in ("orders", "customers", "products")] == [
        truth[name] for name in ("orders", "customers", "products")
    ]
    async with transaction(engine, tenants=[tenant.id]) as tx:
        assert await recompute_differences(tx, tenant.id) == []


async def test_what_came_is_seen_while_the_next_export_runs_and_nothing_is_called_done(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    """Every export after the first three hangs for good."""
    await shopify.faults(SHOP, **FIRST_OF_EACH_BREAKS, bulkHangs=True)
    async with working(engine, publisher, shopify, shops):
        await until(lambda: tenant.rows("SELECT 1 FROM store.customers"))
        pull = await tenant.pull()
    assert (pull["state"], await tenant.rows("SELECT 1 FROM store.watermarks")) == ("running", [])
    assert set((await tenant.entities()).values()) == {("exporting", 0)}


async def test_what_the_last_try_brought_is_applied_too_before_its_entity_fails(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    await shopify.faults(SHOP, bulkDelay=0.2, bulkBreaks=1_000)
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()
    told = Counter(each["entity"] for each in logs if each["event"] == "part_applied")
    # Not of further entities: nothing of them shows that it is whole.
    assert told == dict.fromkeys(ENTITIES, EXPORTS_AT_MOST)
    assert pull["state"] == "failed"
    states = await tenant.entities()
    assert {states[entity][0] for entity in ENTITIES} == {"failed"}
    [held] = await tenant.rows("SELECT count(*) AS orders, sum(total) AS total FROM store.orders")
    assert 0 < held["orders"] < ORDERS
    assert held["total"] == (await tenant.totals())["revenue"]
    assert await tenant.rows("SELECT 1 FROM store.watermarks WHERE entity = 'orders'") == []


async def test_a_part_changes_nothing_that_we_have(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    """It may lack what belongs to a record that is here whole."""
    async with working(engine, publisher, shopify, shops):
        await tenant.until_ended()
    ours = "UPDATE store.customers SET first_name = 'Ours' RETURNING id"
    gone = "UPDATE store.customers SET deleted_at = pulled_at WHERE id = {} RETURNING id"
    [first, *_] = await tenant.rows(ours)
    await tenant.rows(gone.format(first["id"]))
    # So many that one is left for the customers' export, whichever exports come before it.
    await shopify.faults(SHOP, **FIRST_OF_EACH_BREAKS | {"bulkBreaks": 30}, bulkHangs=True)
    await tenant.queue()
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            async with asyncio.timeout(60):
                while not _applied(logs):
                    await asyncio.sleep(0.05)
    assert _applied(logs) == {"customers": 0}
    changed = "SELECT id, deleted_at FROM store.customers WHERE first_name <> 'Ours'"
    assert await tenant.rows(changed) == []
    dead = await tenant.rows("SELECT id FROM store.customers WHERE deleted_at IS NOT NULL")
    assert dead == [first]
