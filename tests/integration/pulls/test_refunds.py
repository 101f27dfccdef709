"""Refunds that say little: without money, or in the buyer's currency alone. Lines and sums are what
Shopify shows all the same, whichever way they came.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from tests.databases import Database
from tests.factories import delivery
from tests.integration.ingestor.handling import handle_all
from tests.integration.messaging.queues import until
from tests.integration.pulls.simulated import SCOPES, InstalledShops, Simulator, simulator
from tests.integration.pulls.tenants import PulledTenant, connected, working
from tests.integration.pulls.test_further_entities import SHOP

_SERVED = """{ orders(first: 100) { pageInfo { hasNextPage } nodes {
  legacyResourceId displayFinancialStatus
  refunds { legacyResourceId totalRefundedSet { shopMoney { amount } }
    refundLineItems(first: 50) { nodes { quantity restockType lineItem { id } location { id } } } }
} } }"""
_LINES = """SELECT refund_id, line_id, quantity, restock_type, location_id FROM store.refund_lines
    WHERE deleted_at IS NULL"""
_SHELF = {"amount": "0.00", "note": "back on the shelf"}

Rows = set[tuple[Any, ...]]


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    async with simulator(tmp_path / "sim", "--generated", "10", "--size", "90") as running:
        yield running


@pytest.fixture
async def tenants(engine: AsyncEngine, database: Database) -> list[PulledTenant]:
    """Both are of one shop."""
    return [PulledTenant(engine, await connected(database)) for _ in range(2)]


@pytest.fixture
async def shops(shopify: Simulator, tenants: list[PulledTenant]) -> InstalledShops:
    shops = InstalledShops()
    token = await shopify.install(SHOP, scopes=f"{SCOPES},read_locations")
    shops.by_tenant = {tenant.id: token for tenant in tenants}
    return shops


async def _orders(shopify: Simulator, shops: InstalledShops) -> Sequence[dict[str, Any]]:
    page = (await shopify.admin(next(iter(shops.by_tenant.values())), _SERVED))["orders"]
    assert not page["pageInfo"]["hasNextPage"]
    found: list[dict[str, Any]] = page["nodes"]
    return found


def _number(global_id: str) -> int:
    return int(global_id.rpartition("/")[2])


def _lines(orders: Sequence[dict[str, Any]]) -> Rows:
    return {
        (
            *(int(refund["legacyResourceId"]), _number(line["lineItem"]["id"])),
            *(line["quantity"], line["restockType"].lower()),
            _number(line["location"]["id"]) if line["location"] else None,
        )
        for order in orders
        for refund in order["refunds"]
        for line in refund["refundLineItems"]["nodes"]
    }


def _amounts(orders: Sequence[dict[str, Any]]) -> dict[int, Decimal]:
    return {
        int(refund["legacyResourceId"]): Decimal(refund["totalRefundedSet"]["shopMoney"]["amount"])
        for order in orders
        for refund in order["refunds"]
    }


async def _stored_lines(tenant: PulledTenant) -> Rows:
    return {tuple(row.values()) for row in await tenant.rows(_LINES)}


async def _stored_amounts(tenant: PulledTenant) -> dict[int, Decimal]:
    return {row["id"]: row["amount"] for row in await tenant.rows("SELECT * FROM store.refunds")}


async def _refund(shopify: Simulator, order_id: int, wanted: dict[str, Any], *lines: int) -> None:
    """Of `lines`, one unit of each."""
    given = {"lines": [{"lineId": line, "quantity": 1} for line in lines]} if lines else {}
    await shopify.ask("POST", f"shops/{SHOP}/orders/{order_id}/refund", wanted | given)


async def test_goods_that_went_back_to_the_shelf_for_no_money_come_with_every_pull(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenants: list[PulledTenant],
):
    tenant, _ = tenants
    await tenant.queue()
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            assert (await tenant.until_ended())["state"] == "succeeded"
            served = await _orders(shopify, shops)
            hidden = [
                int(order["legacyResourceId"])
                for order in served
                if order["refunds"] and order["displayFinancialStatus"] == "PAID"
            ]
            assert len(hidden) > 1
            assert await _stored_lines(tenant) == _lines(served)
            assert {row[3] for row in _lines(served)} == {"return", "no_restock"}

            untouched = "id NOT IN (SELECT order_id FROM store.refunds)"
            [plain] = await tenant.rows(
                f"""SELECT order_id, min(id) AS line FROM store.order_lines
                WHERE order_id IN (SELECT id FROM store.orders WHERE {untouched})
                GROUP BY order_id LIMIT 1"""
            )
            await _refund(shopify, plain["order_id"], _SHELF, plain["line"])
            assert (await tenant.next_pull())["scope"] == "changes"
            changed = _lines(await _orders(shopify, shops))
            assert len(changed) == len(_lines(served)) + 1
            assert await _stored_lines(tenant) == changed

            assert (await tenant.next_pull())["scope"] == "changes"
            await tenant.rows(
                "UPDATE store.refund_lines SET quantity = 99, updated_at = '2000-01-01' RETURNING 1"
            )
            await tenant.queue()
            await tenant.until_last("all")
            assert (await tenant.until_ended())["state"] == "succeeded"
            assert await _stored_lines(tenant) == changed
    asked = [each["orders"] for each in logs if each["event"] == "left_out_read"]
    assert asked == [len(hidden), 1, 0, len(hidden) + 1]
    assert await tenant.differences() == []


async def test_orders_that_shopify_no_longer_shows_us_are_not_asked_for_one_by_one(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenants: list[PulledTenant],
):
    tenant, _ = tenants
    await tenant.queue()
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            assert (await tenant.until_ended())["state"] == "succeeded"
            lines = await _stored_lines(tenant)
            fewer = SCOPES.replace("read_all_orders,", "")
            recent_only = await shopify.install(SHOP, scopes=f"{fewer},read_locations")
            shops.by_tenant[tenant.id] = recent_only
            await tenant.queue()
            assert (await tenant.until_ended())["state"] == "succeeded"
    recent = await tenant.rows(
        """SELECT 1 FROM store.orders WHERE financial_status = 'paid'
            AND created_at > now() - interval '60 days'
            AND id IN (SELECT order_id FROM store.refunds)"""
    )
    asked = [each["orders"] for each in logs if each["event"] == "left_out_read"]
    assert asked == [4, len(recent)]
    assert len(recent) < 4
    assert await _stored_lines(tenant) == lines


async def _sent(shopify: Simulator, tenant: PulledTenant) -> list[DeliveryRecord]:
    log = await shopify.ask("GET", f"shops/{SHOP}/deliveries?bodies=1")
    return [
        delivery(
            each["webhookId"],
            each["topic"],
            source=SHOP,
            tenant_id=tenant.id,
            time=datetime.fromisoformat(each["triggeredAt"]),
            body=each["body"].encode(),
        )
        for each in log["deliveries"]
    ]


async def _refund_those_who_paid_in_other_money(
    shopify: Simulator, tenant: PulledTenant
) -> list[int]:
    """Two orders: one in part and then the rest, the other all at once."""
    orders = await tenant.rows(
        """SELECT id, (SELECT min(line.id) FROM store.order_lines AS line
            WHERE line.order_id = held.id) AS line
        FROM store.orders AS held WHERE presentment_currency <> currency AND units > 1 AND NOT test
            AND id NOT IN (SELECT order_id FROM store.refunds)
        ORDER BY id LIMIT 2"""
    )
    one, other = orders
    await _refund(shopify, one["id"], {}, one["line"])
    await _refund(shopify, one["id"], {})
    await _refund(shopify, other["id"], {})
    return [one["id"], other["id"]]


async def _settled(tenant: PulledTenant) -> bool:
    due = await tenant.rows("SELECT 1 FROM store.schedule WHERE facts_due_at IS NOT NULL")
    return due == []


_ROLLUP = """SELECT day, currency, refunded FROM store.daily_sales WHERE refunded <> 0
    ORDER BY day, currency"""


async def test_what_was_paid_back_in_the_buyers_money_is_the_same_by_delivery_and_by_pull(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenants: list[PulledTenant],
):
    pulling, told = tenants
    for tenant in tenants:
        await tenant.queue()
    async with working(engine, publisher, shopify, shops):
        for tenant in tenants:
            assert (await tenant.until_ended())["state"] == "succeeded"
        await told.rows("UPDATE store.schedule SET due_at = NULL, paused_at = now() RETURNING 1")
    orders = await _refund_those_who_paid_in_other_money(shopify, pulling)

    sent = await _sent(shopify, told)
    await handle_all(engine, sent[::-1], publisher)
    untold = "SELECT amount FROM store.refunds WHERE untold"
    assert await told.rows(untold) == [{"amount": Decimal(0)}] * 3
    assert not await _settled(told)

    async with working(engine, publisher, shopify, shops):
        await until(lambda: _settled(told), seconds=60)
        amounts, rollup = await _stored_amounts(told), await told.rows(_ROLLUP)
        assert len(await told.rows("SELECT 1 FROM store.pulls")) == 1
        assert (await pulling.next_pull())["scope"] == "changes"
    served = await _orders(shopify, shops)
    refunds = {int(each["legacyResourceId"]): len(each["refunds"]) for each in served}
    assert [refunds[number] for number in orders] == [2, 1]
    assert amounts == await _stored_amounts(pulling) == _amounts(served)
    assert rollup == await pulling.rows(_ROLLUP)
    assert await told.rows(untold) == []
    for tenant in tenants:
        assert await tenant.differences() == []

    await handle_all(engine, await _sent(shopify, told), publisher)
    assert await _settled(told)


async def test_an_order_that_is_gone_is_not_asked_for_for_ever(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenants: list[PulledTenant],
):
    tenant, _ = tenants
    await tenant.queue()
    async with working(engine, publisher, shopify, shops):
        assert (await tenant.until_ended())["state"] == "succeeded"
        await tenant.rows("UPDATE store.schedule SET due_at = NULL, paused_at = now() RETURNING 1")
    gone, kept = await _refund_those_who_paid_in_other_money(shopify, tenant)
    sent = await _sent(shopify, tenant)
    await shopify.ask("DELETE", f"shops/{SHOP}/orders/{gone}")

    await handle_all(engine, sent, publisher)
    async with working(engine, publisher, shopify, shops):
        await until(lambda: _settled(tenant), seconds=60)

    rows = await tenant.rows("SELECT id, order_id, amount, untold FROM store.refunds")
    assert not any(row["untold"] for row in rows)
    assert {row["amount"] for row in rows if row["order_id"] == gone} == {Decimal(0)}
    amounts = _amounts(await _orders(shopify, shops))
    assert all(amounts[row["id"]] == row["amount"] for row in rows if row["order_id"] == kept)
    assert await tenant.differences() == []
