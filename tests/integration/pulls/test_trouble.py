"""Trouble with one part of a pull keeps no other part out, passes by itself or ends the pull."""

import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls import exports, importing, outcomes, repository, slices, worker
from services.ingestor.pulls.leases import Claim
from services.ingestor.pulls.state import Trouble
from services.ingestor.shopify.bulk import EXPORTS_AT_ONCE
from tests.databases import Database
from tests.integration.messaging.queues import until
from tests.integration.pulls.simulated import (
    COLUMNS,
    InstalledShops,
    Simulator,
    simulator,
    write_shop,
)
from tests.integration.pulls.tenants import PulledTenant, connected, working

SHOP = "trouble.myshopify.com"
ORDERS = 60
SIXTY_DAYS = "read_orders,read_customers,read_products"
WITH_DRAFTS = f"{SIXTY_DAYS},read_all_orders,read_draft_orders"
_EXPORTING = """SELECT 1 FROM store.pull_entities WHERE entity = 'orders' AND state = 'exporting'
    AND checkpoint->'slices'->0->>'operation_id' IS NOT NULL"""
_SALES_DONE = """SELECT 1 FROM store.pull_entities
    WHERE entity IN ('customers', 'orders', 'products') HAVING bool_and(state = 'done')"""
_REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql STABLE AS $$ BEGIN
    IF (SELECT count(*) FROM store.orders) > 0 THEN RAISE 'no more'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON store.orders FOR EACH ROW EXECUTE FUNCTION refuse();
"""
_TURNS = """SELECT count(lease_owner) AS held, count(*) FILTER (WHERE due_at > now()) AS later
    FROM store.schedule"""


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "shop.csv", orders=ORDERS)
    async with simulator(tmp_path / "simulator", "--shop", f"{SHOP}={file}") as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator, tenant: PulledTenant) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=WITH_DRAFTS)
    return shops


async def _in_trouble(tenant: PulledTenant) -> None:
    """As if the pull had been put off just now."""
    [row] = await tenant.rows("SELECT id FROM store.pulls")
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        claim = Claim(tenant.id, row["id"], tenant.id)
        await repository.save_trouble(tx, claim, Trouble("SHOPIFY_UNAVAILABLE", "?", utc_now()))


async def test_what_a_further_entity_lacks_keeps_no_sales_out(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    await shopify.faults(SHOP, internalErrorIn="draftOrdersCount")
    await _in_trouble(tenant)
    async with working(engine, publisher, shopify, shops):
        await until(lambda: tenant.rows(_SALES_DONE))
        assert (await tenant.totals())["orders"] == ORDERS
        await shopify.faults(SHOP)
        pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])


async def test_a_pull_that_only_fetches_the_same_file_again_is_given_up(
    database: Database,
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    """After its first batch none can be applied."""
    monkeypatch.setattr(importing, "_ROOTS_AT_MOST", 10)
    monkeypatch.setattr(outcomes, "_POSTPONE", timedelta(seconds=0.1))
    monkeypatch.setattr(outcomes, "_GIVE_UP_AFTER", timedelta(seconds=2))
    owner = await asyncpg.connect(database.url)
    await owner.execute(_REFUSE)
    await owner.close()
    async with working(engine, publisher, shopify, shops):
        pull = await tenant.until_ended()
    assert pull["state"] == "failed"
    assert [error["code"] for error in pull["errors"]] == ["DATABASE_CONNECTION_FAILED"]


async def test_exports_that_an_older_pull_left_running_are_cancelled_where_they_are_in_the_way(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(exports, "_BUSY_PAUSE_SECONDS", 0.1)

    async def running() -> list[Any]:
        found = await shopify.ask("GET", f"shops/{SHOP}/operations")
        return [each for each in found["operations"] if each["status"] == "RUNNING"]

    await shopify.faults(SHOP, bulkHangs=True)
    async with working(engine, publisher, shopify, shops):

        async def all_hang() -> bool:
            return len(await running()) == EXPORTS_AT_ONCE

        await until(all_hang)
        await shopify.faults(SHOP)
        await tenant.queue()
        pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    assert (await tenant.totals())["orders"] == ORDERS
    assert await running() == []


async def test_a_worker_keeps_no_more_large_shops_waiting_than_it_can_pull_at_once(
    database: Database,
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(slices, "_WHOLE_UP_TO", 10)
    monkeypatch.setattr(worker, "_LARGE_AT_ONCE", 1)
    for _ in range(3):
        another = PulledTenant(engine, await connected(database))
        shops.by_tenant[another.id] = shops.by_tenant[tenant.id]
        await another.queue()
    await shopify.faults(SHOP, bulkHangs=True)
    async with working(engine, publisher, shopify, shops):

        async def settled() -> bool:
            return await tenant.rows(_TURNS) == [{"held": 2, "later": 2}]

        await until(settled)


async def test_what_sixty_days_leave_behind_during_a_pull_is_not_taken_for_deleted(
    tmp_path: Path, engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant
):
    """Without the scope for all orders Shopify shows the last sixty days: of every moment anew."""
    file, edge = tmp_path / "edge.csv", utc_now() - timedelta(days=60)
    with file.open("w", newline="", encoding="utf-8") as rows:
        writer = csv.writer(rows)
        writer.writerow(COLUMNS)
        for number in range(10):
            placed = edge + timedelta(minutes=15, days=5 * number)
            row = [f"A{number}", placed.strftime("%Y-%m-%dT%H:%M:%S"), "C1", "P1", "Tee", 1, "5.00"]
            writer.writerow(row)
    shops = InstalledShops()
    async with simulator(tmp_path / "edge", "--shop", f"{SHOP}={file},zone=UTC") as shopify:
        shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=SIXTY_DAYS)
        async with working(engine, publisher, shopify, shops):
            assert (await tenant.until_ended())["state"] == "succeeded"
            assert (await tenant.totals())["orders"] == 10
            await shopify.faults(SHOP, bulkDelay=3)
            await tenant.queue()
            await until(lambda: tenant.rows(_EXPORTING))
            await shopify.ask("POST", "clock", {"offsetSeconds": 1800})
            pull = await tenant.until_ended()
        assert (await shopify.truth(SHOP))["orders"] == 10
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    assert (await tenant.totals())["orders"] == 10
