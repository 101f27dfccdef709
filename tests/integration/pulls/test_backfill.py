"""A backfill brings the whole shop, exactly, and says so; what cannot be brought is named."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import ReconnectRequiredError
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls import exports
from services.ingestor.shopify import queries
from services.ingestor.shopify.subscriptions import topics_for
from services.ingestor.shopify.tokens import AccessToken
from services.ingestor.status import read_status
from tests.integration.messaging.queues import until
from tests.integration.pulls.simulated import (
    SCOPES,
    InstalledShops,
    Simulator,
    simulator,
    write_shop,
)
from tests.integration.pulls.tenants import WEBHOOKS, PulledTenant, working

SHOP = "fill.myshopify.com"
ORDERS = 300
_HALF_AN_HOUR_LATER = """
WITH due AS (UPDATE store.schedule SET due_at = now())
UPDATE store.pulls
SET errors = jsonb_set(errors, '{0,since}', to_jsonb(now() - interval '31 minutes')) RETURNING id
"""


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "fill.csv", orders=ORDERS)
    argument = f"{SHOP}={file},currency=GBP,zone=Europe/London"
    async with simulator(tmp_path / "simulator", "--shop", argument) as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator, tenant: PulledTenant) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = await shopify.install(SHOP)
    return shops


def _is_true(totals: dict[str, Any], truth: dict[str, Any]) -> bool:
    counts = all(totals[name] == truth[name] for name in ("orders", "customers", "products"))
    money = totals["total"] == totals["revenue"] == Decimal(truth["revenue"])
    return counts and money and totals["units"] == totals["product_units"] == truth["units"]


async def test_everything_the_shop_has_arrives_exactly(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    async with working(engine, publisher, shopify, shops):
        pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    truth = await shopify.truth(SHOP)
    totals = await tenant.totals()
    assert _is_true(totals, truth), (totals, truth)
    assert all(each["done"] == each["expected"] for each in pull["entities"])
    assert pull["recordsProcessed"] == truth["orders"] + truth["customers"] + truth["products"]
    [shop] = await tenant.rows("SELECT * FROM store.shops")
    assert (shop["currency"], shop["zone"], shop["history_since"]) == ("GBP", "Europe/London", None)
    marks = await tenant.rows("SELECT entity FROM store.watermarks")
    assert {row["entity"] for row in marks} >= {"customers", "orders", "products"}


async def test_connecting_again_changes_no_figure_and_moves_the_subscriptions(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    async with working(engine, publisher, shopify, shops):
        await tenant.until_ended()
        before = await tenant.totals()
    elsewhere = "http://127.0.0.1:10"
    await tenant.queue()
    async with working(engine, publisher, shopify, shops, webhooks_url=elsewhere):
        pull = await tenant.until_ended()
    assert pull["state"] == "succeeded"
    assert await tenant.totals() == before
    found = await shopify.ask("GET", f"shops/{SHOP}/subscriptions")
    topics = topics_for(frozenset(SCOPES.split(",")))
    addresses = [each["uri"] for each in found["subscriptions"]]
    assert sorted(addresses) == sorted(f"{elsewhere}/webhooks/{topic}" for topic in topics)
    assert not any(address.startswith(f"{WEBHOOKS}/") for address in addresses)


async def test_what_the_scopes_deny_fails_alone_and_says_what_is_missing(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    scopes = "read_customers,read_products"
    shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=scopes)
    async with working(engine, publisher, shopify, shops):
        pull = await tenant.until_ended()
    assert pull["state"] == "failed"
    states = {entity: state for entity, (state, _) in (await tenant.entities()).items()}
    assert states == {"customers": "done", "orders": "failed", "products": "done"}
    assert "SHOPIFY_REQUEST_REFUSED" in {error["code"] for error in pull["errors"]}


async def test_a_shop_that_shows_60_days_of_orders_says_since_when(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    scopes = "read_orders,read_customers,read_products"
    shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=scopes)
    await shopify.ask("POST", f"shops/{SHOP}/orders", {"lines": [{"title": "A", "price": "7.00"}]})
    began = utc_now()
    async with working(engine, publisher, shopify, shops):
        pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    assert (await tenant.entities())["orders"] == ("done", 1)
    async with transaction(engine, tenants=[tenant.id]) as tx:
        since = (await read_status(tx, tenant.id))["shop"]["historySince"]
    days = [(at - timedelta(days=60)).date().isoformat() for at in (began, utc_now())]
    assert since in days


@pytest.mark.parametrize(
    "fault", [{"bulkDropsLines": 1}, {"bulkCutsFile": True}, {"bulkMiscounts": 1}]
)
async def test_an_export_that_is_never_whole_is_no_success(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    fault: dict[str, Any],
):
    await shopify.faults(SHOP, **fault)
    async with working(engine, publisher, shopify, shops):
        pull = await tenant.until_ended()
    assert pull["state"] == "failed"
    assert {error["code"] for error in pull["errors"]} == {"SHOPIFY_EXPORT_FAILED"}


async def test_where_shopify_sends_no_webhooks_the_history_comes_and_the_pull_says_so(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    refused = "http://hooks.example.com"
    async with working(engine, publisher, shopify, shops, webhooks_url=refused):
        pull = await tenant.until_ended()
    assert pull["state"] == "failed"
    [error] = pull["errors"]
    assert error["code"] == "SHOPIFY_SUBSCRIPTION_REFUSED"
    totals, truth = await tenant.totals(), await shopify.truth(SHOP)
    assert _is_true(totals, truth), (totals, truth)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"bulkHangs": True, "bulkAtOnce": 1}, "SHOPIFY_EXPORT_BUSY"),
        ({"apiStatus": 401}, "SHOPIFY_TOKEN_REFUSED"),
    ],
)
async def test_what_lasts_is_told_while_the_pull_waits_and_when_it_gives_up(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
    code: str,
):
    monkeypatch.setattr(exports, "_BUSY_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(exports, "_BUSY_TRIES", 2)
    await shopify.faults(SHOP, **fault)
    await _begin_an_export(shopify, shops.by_tenant[tenant.id])
    async with working(engine, publisher, shopify, shops):
        await until(lambda: tenant.rows("SELECT 1 FROM store.pulls WHERE errors <> '[]'"))
        waiting = await tenant.pull()
        await tenant.rows(_HALF_AN_HOUR_LATER)
        pull = await tenant.until_ended()
    assert waiting["state"] == "running"
    assert pull["state"] == "failed"
    assert [each["code"] for each in (*waiting["errors"], *pull["errors"])] == [code, code]


async def _begin_an_export(shopify: Simulator, token: AccessToken) -> None:
    """As another worker may have done that is gone."""
    body = {
        "query": queries.START_BULK,
        "variables": {"query": queries.bulk_query(("orders",), "")},
    }
    headers = {"X-Shopify-Access-Token": token.access_token}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
        await http.post(shopify.api.address(SHOP, "graphql.json"), json=body)


async def test_a_shop_that_lets_us_in_no_more_ends_the_pull(
    engine: AsyncEngine, publisher: Publisher, shopify: Simulator, tenant: PulledTenant
):
    async def refuse(_tenant_id: UUID, _refused: object = None) -> AccessToken:
        raise ReconnectRequiredError("The merchant must connect the shop again.")

    async with working(engine, publisher, shopify, refuse):
        pull = await tenant.until_ended()
    assert pull["state"] == "failed"
    assert [error["code"] for error in pull["errors"]] == ["RECONNECT_REQUIRED"]
    [schedule] = await tenant.rows("SELECT * FROM store.schedule")
    assert (schedule["due_at"], schedule["lease_owner"]) == (None, None)


async def test_what_was_deleted_while_nobody_told_us_goes_with_the_next_backfill(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    async with working(engine, publisher, shopify, shops):
        await tenant.until_ended()
        for entity in ("orders", "products"):
            await shopify.ask("DELETE", f"shops/{SHOP}/{entity}/{await _some(tenant, entity)}")
        await tenant.queue()
        pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    [totals] = await tenant.rows(
        "SELECT sum(orders) AS orders, sum(revenue) AS revenue FROM store.daily_sales"
    )
    truth = await shopify.truth(SHOP)
    assert totals == {"orders": ORDERS - 1, "revenue": Decimal(truth["revenue"])}


async def test_a_shop_that_stays_different_from_its_own_counts_is_a_mismatch(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    async with working(engine, publisher, shopify, shops):
        await tenant.until_ended()
        await _bury_for_good(tenant, await _some(tenant, "products"))
        await tenant.queue()
        pull = await tenant.until_ended()
    assert pull["state"] == "mismatch"
    assert {error["code"] for error in pull["errors"]} == {"PULL_COUNT_MISMATCH"}
    assert any(" products " in error["message"] for error in pull["errors"])


async def _some(tenant: PulledTenant, entity: str) -> int:
    rows = await tenant.rows(f"SELECT id FROM store.{entity} ORDER BY id LIMIT 1")
    return int(rows[0]["id"])


async def _bury_for_good(tenant: PulledTenant, product_id: int) -> None:
    """A tombstone later than any snapshot: no pull can lift it."""
    await tenant.rows(
        "UPDATE store.products SET deleted_at = now() + interval '1 day' "
        f"WHERE id = {product_id} RETURNING id"
    )
