"""A generated shop, with refunds, discounts and many currencies, arrives exactly as it is."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from tests.integration.pulls.simulated import InstalledShops, simulator
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "bluebird-supply.myshopify.com"
ORDERS = 600
_FIGURES = """
SELECT (SELECT count(*) FROM store.orders WHERE deleted_at IS NULL AND NOT test) AS orders,
    (SELECT sum(total) FROM store.orders WHERE deleted_at IS NULL AND NOT test) AS total,
    (SELECT count(*) FROM store.orders WHERE test) AS tests,
    (SELECT count(*) FROM store.customers WHERE deleted_at IS NULL) AS customers,
    (SELECT sum(revenue) FROM store.daily_sales) AS revenue,
    (SELECT sum(orders) FROM store.daily_sales) AS rolled,
    (SELECT sum(units) FROM store.daily_sales) AS units
"""
_ORDERS = "SELECT id, currency, presentment_currency, presentment_total, total FROM store.orders"
_PAGE = """query ($after: String) { orders(first: 200, after: $after) {
  nodes { legacyResourceId currencyCode presentmentCurrencyCode
    totalPriceSet { shopMoney { amount } presentmentMoney { amount } }
    refunds { legacyResourceId totalRefundedSet { shopMoney { amount } } } }
  pageInfo { hasNextPage endCursor } } }"""


async def _served(shopify: Any, token: Any) -> list[Any]:
    """Every order of the shop by pages: another way than the backfill's."""
    found: list[Any] = []
    after = None
    async with httpx.AsyncClient(
        base_url=f"{shopify.url}/{SHOP}", trust_env=False, timeout=60
    ) as http:
        while True:
            answer = await http.post(
                "/admin/api/2026-10/graphql.json",
                json={"query": _PAGE, "variables": {"after": after}},
                headers={"X-Shopify-Access-Token": token.access_token},
            )
            page = answer.json()["data"]["orders"]
            found += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]


async def test_the_figures_refunds_and_currencies_of_a_generated_shop_arrive(
    engine: AsyncEngine, publisher: Publisher, tenant_id: UUID, tmp_path: Path
):
    tenant, shops = PulledTenant(engine, tenant_id), InstalledShops()
    await tenant.queue()
    async with simulator(tmp_path / "sim", "--generated", "3", "--size", str(ORDERS)) as shopify:
        token = shops.by_tenant[tenant.id] = await shopify.install(SHOP)
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()
        truth, served = await shopify.truth(SHOP), await _served(shopify, token)

    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    [figures] = await tenant.rows(_FIGURES)
    assert figures["orders"] == figures["rolled"] == truth["orders"] == ORDERS - figures["tests"]
    assert figures["total"] == figures["revenue"] == Decimal(truth["revenue"])
    assert (figures["customers"], figures["units"]) == (truth["customers"], truth["units"])
    assert figures["tests"] > 0
    await _expect_orders(tenant, served)
    await _expect_refunds(tenant, served)


async def _expect_orders(tenant: PulledTenant, served: list[Any]) -> None:
    stored = {
        row["id"]: (
            *(row["currency"], row["presentment_currency"]),
            *(row["total"], row["presentment_total"]),
        )
        for row in await tenant.rows(_ORDERS)
    }
    expected = {
        int(order["legacyResourceId"]): (
            *(order["currencyCode"], order["presentmentCurrencyCode"]),
            Decimal(order["totalPriceSet"]["shopMoney"]["amount"]),
            Decimal(order["totalPriceSet"]["presentmentMoney"]["amount"]),
        )
        for order in served
    }
    assert stored == expected
    assert {seen for _, seen, _, _ in stored.values()} > {"EUR", "USD", "JPY"}


async def _expect_refunds(tenant: PulledTenant, served: list[Any]) -> None:
    stored = {row["id"]: row["amount"] for row in await tenant.rows("SELECT * FROM store.refunds")}
    assert stored == {
        int(refund["legacyResourceId"]): Decimal(refund["totalRefundedSet"]["shopMoney"]["amount"])
        for order in served
        for refund in order["refunds"]
    }
    assert stored
