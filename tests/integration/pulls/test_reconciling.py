"""The scheduled pulls: what changed arrives without any webhook, and the counts prove it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import PullRunningError
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.queue import queue_pull
from services.ingestor.shopify.windows import Window
from services.ingestor.status import read_history, read_status
from services.ingestor.store.audit import recompute_differences
from services.ingestor.store.recut import recut
from services.ingestor.tenant_settings import SettingsChange, change_settings
from tests.integration.pulls.simulated import InstalledShops, Simulator, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "tide.myshopify.com"
ORDERS = 120
LINES = 130


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "tide.csv", orders=ORDERS)
    argument = f"{SHOP}={file},currency=GBP,zone=Europe/London"
    async with simulator(tmp_path / "simulator", "--shop", argument) as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator, tenant_id: UUID) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[tenant_id] = await shopify.install(SHOP)
    return shops


@pytest.fixture
async def tenant(
    engine: AsyncEngine,
    tenant_id: UUID,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
) -> AsyncIterator[PulledTenant]:
    """With its whole history, and a worker for what comes."""
    tenant = PulledTenant(engine, tenant_id)
    await tenant.queue()
    async with working(engine, publisher, shopify, shops):
        assert (await tenant.until_ended())["state"] == "succeeded"
        yield tenant


async def _is_true(tenant: PulledTenant, shopify: Simulator) -> None:
    truth, totals = await shopify.truth(SHOP), await tenant.totals()
    records = await tenant.rows("SELECT entity, records FROM store.entity_counts")
    counts = {row["entity"]: row["records"] for row in records}
    sales = ("orders", "customers", "products")
    assert {name: counts[name] for name in sales} == {name: truth[name] for name in sales}
    assert totals["revenue"] == Decimal(truth["revenue"])
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        assert await recompute_differences(tx, tenant.id) == []


async def _proof(tenant: PulledTenant) -> dict[str, Any]:
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        status = await read_status(tx, tenant.id)
    return {each.pop("entity"): each for each in status["proof"]["entities"]}


async def _told_of_the_last(tenant: PulledTenant) -> dict[str, Any] | None:
    """What the newest pull says that it proved."""
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        [pull] = (await read_history(tx, tenant.id, 1))["pulls"]
    proof: dict[str, Any] | None = pull["proof"]
    return proof


async def test_what_changed_comes_with_the_next_pull_and_nothing_else_is_read(
    tenant: PulledTenant, shopify: Simulator
):
    changed = await tenant.rows("SELECT id FROM store.orders ORDER BY id LIMIT 3")
    lines = [{"title": f"Line {n}", "price": "1.00"} for n in range(LINES)]
    await shopify.ask("POST", f"shops/{SHOP}/orders", {"lines": lines})
    for order in changed:
        await shopify.ask("POST", f"shops/{SHOP}/orders/{order['id']}/refund", {})
    await shopify.ask("POST", f"shops/{SHOP}/products", {"title": "New", "price": "3.00"})

    pull = await tenant.next_pull()

    assert (pull["kind"], pull["scope"], pull["state"]) == (
        "reconciliation",
        "changes",
        "succeeded",
    )
    entities = await tenant.rows(
        f"SELECT entity, done FROM store.pull_entities WHERE pull_id = '{pull['id']}'"
    )
    done = {row["entity"]: row["done"] for row in entities}
    assert (done["orders"], done["products"]) == (4, 1)
    await _is_true(tenant, shopify)
    [long] = await tenant.rows(
        "SELECT max(n) AS n FROM (SELECT count(*) AS n "
        "FROM store.order_lines GROUP BY order_id) AS counted"
    )
    assert long["n"] == LINES, "a nested list longer than a page is drained"


async def test_a_drift_is_found_by_the_counts_located_repaired_and_written_down(
    tenant: PulledTenant, shopify: Simulator
):
    gone, lost = await tenant.rows("SELECT id FROM store.orders ORDER BY id DESC LIMIT 2")
    await shopify.ask("DELETE", f"shops/{SHOP}/orders/{gone['id']}")
    await shopify.ask("DELETE", f"shops/{SHOP}/products/{await _a_product(tenant)}")
    await tenant.rows("DELETE FROM store.reconciliations RETURNING 1")

    pull = await tenant.next_pull()

    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    await _is_true(tenant, shopify)
    proof = await _proof(tenant)
    assert (proof["orders"]["drift"], proof["orders"]["repaired"]) == (1, 1)
    assert (proof["products"]["drift"], proof["products"]["repaired"]) == (1, 1)
    assert proof["orders"]["ours"] == proof["orders"]["shopify"] == ORDERS - 1
    told = {"compared": len(proof), "differing": 0, "repaired": 2}
    assert await _told_of_the_last(tenant) == told

    await tenant.rows(f"DELETE FROM store.orders WHERE id = {lost['id']} RETURNING 1")
    await tenant.rows("DELETE FROM store.reconciliations RETURNING 1")
    assert (await tenant.next_pull())["state"] == "succeeded"
    assert (await _proof(tenant))["orders"]["drift"] == -1
    [held] = await tenant.rows(f"SELECT count(*) AS n FROM store.orders WHERE id = {lost['id']}")
    assert held["n"] == 1


async def test_a_mismatch_stays_one_until_the_counts_agree(tenant: PulledTenant):
    # Tombstones later than any snapshot: no export lifts them.
    for entity in ("products", "collections"):
        await tenant.rows(
            f"UPDATE store.{entity} SET deleted_at = now() + interval '1 day' "
            f"WHERE id = (SELECT min(id) FROM store.{entity}) RETURNING 1"
        )
    await tenant.rows("DELETE FROM store.reconciliations RETURNING 1")
    assert (await tenant.next_pull())["state"] == "mismatch"
    first = await _proof(tenant)
    told = await _told_of_the_last(tenant)
    assert (told["differing"], told["repaired"]) == (2, 0)

    again = await tenant.next_pull()

    assert (again["scope"], again["state"]) == ("changes", "mismatch")
    assert {error["entity"] for error in again["errors"]} == {"products", "collections"}
    assert await _proof(tenant) == first, "nothing is counted within the hour"
    assert await _told_of_the_last(tenant) is None

    for entity in ("products", "collections"):
        await tenant.rows(f"UPDATE store.{entity} SET deleted_at = NULL RETURNING 1")
    await tenant.rows(
        "UPDATE store.reconciliations SET checked_at = checked_at - interval '1 hour' RETURNING 1"
    )
    assert (await tenant.next_pull())["state"] == "succeeded"
    assert not any(each["drift"] for each in (await _proof(tenant)).values())


async def test_all_is_read_again_once_a_week_and_a_range_when_a_person_asks(
    tenant: PulledTenant, shopify: Simulator
):
    await tenant.rows(
        "UPDATE store.pulls SET requested_at = requested_at - interval '8 days' RETURNING 1"
    )
    assert (await tenant.next_pull())["scope"] == "all"
    [span] = await tenant.rows("SELECT min(created_at) AS first FROM store.orders")
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        await queue_pull(tx, tenant.id, Window(before=span["first"]))
        with pytest.raises(PullRunningError):
            await queue_pull(tx, tenant.id, Window())
    pull = await tenant.until_last("range")
    assert (pull["state"], pull["records_processed"]) == ("succeeded", 0)
    await _is_true(tenant, shopify)


async def test_a_pause_stops_the_schedule_and_its_end_makes_the_shop_due_at_once(
    tenant: PulledTenant,
):
    await _set(tenant, paused=True)
    [schedule] = await tenant.rows("SELECT * FROM store.schedule")
    assert schedule["due_at"] is None
    await _set(tenant, paused=False, pull_interval_minutes=60)
    pull = await tenant.until_last("changes")
    assert pull["state"] == "succeeded"
    [schedule] = await tenant.rows(
        "SELECT extract(epoch FROM due_at - now()) / 60 AS minutes FROM store.schedule"
    )
    assert 53 <= schedule["minutes"] <= 66


async def test_a_changed_zone_and_the_choice_of_test_orders_cut_every_figure_anew(
    tenant: PulledTenant, shopify: Simulator
):
    order = {"lines": [{"title": "A", "price": "7.00"}], "test": True}
    late = {"lines": [{"title": "B", "price": "2.00"}], "processedAt": "2026-01-01T20:00:00Z"}
    for wanted in (order, late):
        await shopify.ask("POST", f"shops/{SHOP}/orders", wanted)
    assert (await tenant.next_pull())["state"] == "succeeded"
    await tenant.rows("UPDATE store.shops SET zone = 'Asia/Tokyo' RETURNING 1")
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        await recut(tx, tenant.id)
        assert await recompute_differences(tx, tenant.id) == []
    assert await _day_of(tenant, total=2) == "2026-01-02"

    assert (await tenant.next_pull())["state"] == "succeeded"

    assert await _day_of(tenant, total=2) == "2026-01-01", "Shopify says it is in London"
    await _is_true(tenant, shopify)
    before = (await tenant.totals())["revenue"]
    await _set(tenant, include_test_orders=True)
    assert (await tenant.totals())["revenue"] - before == 7
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        assert await recompute_differences(tx, tenant.id) == []


async def _day_of(tenant: PulledTenant, *, total: int) -> str:
    [order] = await tenant.rows(f"SELECT day FROM store.orders WHERE total = {total}")
    return str(order["day"])


async def _set(tenant: PulledTenant, **change: Any) -> None:
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        await change_settings(tx, tenant.id, SettingsChange.model_validate(change, by_name=True))


async def _a_product(tenant: PulledTenant) -> int:
    [product] = await tenant.rows("SELECT id FROM store.products ORDER BY id LIMIT 1")
    return int(product["id"])
