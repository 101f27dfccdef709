"""What was paid, sent and brought back of an order is what Shopify shows, whichever way, and in
whatever order, it came to us.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from tests.databases import Database
from tests.integration.ingestor.handling import handle_all
from tests.integration.pulls.simulated import SCOPES, InstalledShops, Simulator, simulator
from tests.integration.pulls.tenants import PulledTenant, connected, working
from tests.integration.pulls.test_further_entities import SHOP

MONEY = "shopMoney { amount currencyCode } presentmentMoney { amount currencyCode }"
SERVED = f"""{{ orders(first: 100) {{ pageInfo {{ hasNextPage }} nodes {{ legacyResourceId
  transactions {{ id kind status amountSet {{ {MONEY} }} createdAt processedAt
    parentTransaction {{ id }} }}
  fulfillments {{ id name status totalQuantity createdAt updatedAt location {{ id }} }}
  refunds {{ legacyResourceId createdAt refundLineItems(first: 50) {{ nodes {{
    quantity restockType lineItem {{ id }} subtotalSet {{ {MONEY} }} }} }} }} }} }} }}"""
PARTS = ("order_transactions", "fulfillments", "refund_lines")
LONG = 25
"""Lines of an order, more than come with one page of a refund."""

Rows = dict[str, set[tuple[Any, ...]]]


def _number(global_id: str | None) -> int | None:
    return None if global_id is None else int(global_id.rpartition("/")[2])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _money(money: dict[str, str]) -> tuple[Decimal, str]:
    return Decimal(money["amount"]), money["currencyCode"]


def _shown(orders: Sequence[dict[str, Any]]) -> Rows:
    """The rows that Shopify's own answer asks for."""
    paid, sent, back = set(), set(), set()
    for order in orders:
        number = int(order["legacyResourceId"])
        for each in order["transactions"]:
            parent = each["parentTransaction"]
            paid.add(
                (
                    *(number, _number(each["id"]), _number(parent and parent["id"])),
                    *(each["kind"].lower(), each["status"].lower()),
                    *_money(each["amountSet"]["shopMoney"]),
                    *_money(each["amountSet"]["presentmentMoney"]),
                    *(_moment(each["createdAt"]), _moment(each["processedAt"])),
                )
            )
        for each in order["fulfillments"]:
            sent.add(
                (
                    *(number, _number(each["id"]), each["name"], each["status"].lower()),
                    *(each["totalQuantity"], _number(each["location"]["id"])),
                    *(_moment(each["createdAt"]), _moment(each["updatedAt"])),
                )
            )
        for refund in order["refunds"]:
            for each in refund["refundLineItems"]["nodes"]:
                back.add(
                    (
                        *(number, int(refund["legacyResourceId"])),
                        *(_number(each["lineItem"]["id"]), each["quantity"]),
                        each["restockType"].lower(),
                        *_money(each["subtotalSet"]["shopMoney"]),
                        _moment(refund["createdAt"]),
                    )
                )
    return dict(zip(PARTS, (paid, sent, back), strict=True))


async def _served(shopify: Simulator, token: Any) -> Rows:
    page = (await shopify.admin(token, SERVED))["orders"]
    assert not page["pageInfo"]["hasNextPage"]
    return _shown(page["nodes"])


COLUMNS = (
    "order_id, id, parent_id, kind, status, amount, currency, presentment_amount, "
    "presentment_currency, created_at, processed_at",
    "order_id, id, name, status, quantity, location_id, created_at, updated_at",
    "order_id, refund_id, line_id, quantity, restock_type, subtotal, currency, updated_at",
)


async def _stored(tenant: PulledTenant, where: str = "deleted_at IS NULL") -> Rows:
    return {
        part: {
            tuple(row.values())
            for row in await tenant.rows(f"SELECT {columns} FROM store.{part} WHERE {where}")
        }
        for part, columns in zip(PARTS, COLUMNS, strict=True)
    }


async def _change_the_shop(shopify: Simulator, served: Rows) -> int:
    """Orders are made, sent, paid back and deleted; returns the deleted one."""
    shop = f"shops/{SHOP}/orders"
    lines = [{"price": f"{n}.50", "quantity": 2} for n in range(1, 1 + LONG)]
    made = await shopify.ask("POST", shop, {"lines": lines})
    await shopify.ask("POST", f"{shop}/{made['id']}/fulfill")
    some = [{"lineId": line["id"], "quantity": 1} for line in made["lines"]]
    await shopify.ask("POST", f"{shop}/{made['id']}/refund", {"lines": some})
    await shopify.ask("POST", f"{shop}/{made['id']}/refund", {})
    plain = next(
        number
        for number, _, parent, *_, currency, _, shown, _, _ in served["order_transactions"]
        if currency == shown and not any(row[0] == number for row in served["refund_lines"])
    )
    await shopify.ask("POST", f"{shop}/{plain}/refund", {})
    deleted: int = min(row[0] for row in served["refund_lines"])
    await shopify.ask("DELETE", f"{shop}/{deleted}")
    return deleted


async def _sent(shopify: Simulator, tenant: PulledTenant) -> list[DeliveryRecord]:
    """What Shopify sent of all that, as deliveries to this tenant."""
    log = await shopify.ask("GET", f"shops/{SHOP}/deliveries?bodies=1")
    return [
        DeliveryRecord(
            id=each["webhookId"],
            source=SHOP,
            type=each["topic"],
            time=datetime.fromisoformat(each["triggeredAt"]),
            tenant_id=tenant.id,
            body=orjson.dumps(orjson.loads(each["body"])),
        )
        for each in log["deliveries"]
    ]


@asynccontextmanager
async def _two_tenants(
    engine: AsyncEngine, database: Database, publisher: Publisher, folder: Path
) -> AsyncIterator[tuple[Simulator, Any, list[PulledTenant]]]:
    """Both of one shop, after their backfills."""
    tenants = [PulledTenant(engine, await connected(database)) for _ in range(2)]
    shops = InstalledShops()
    async with simulator(folder / "sim", "--generated", "3", "--size", "60") as shopify:
        token = await shopify.install(SHOP, scopes=f"{SCOPES},read_locations")
        shops.by_tenant = {tenant.id: token for tenant in tenants}
        for tenant in tenants:
            await tenant.queue()
        async with working(engine, publisher, shopify, shops):
            for tenant in tenants:
                assert (await tenant.until_ended())["state"] == "succeeded"
            yield shopify, token, tenants


async def _expect_that_a_payment_goes(
    shopify: Simulator, token: Any, tenants: Sequence[PulledTenant]
) -> None:
    """No delivery tells of a payment that an order has no more: the next pull does."""
    number = next(row[0] for row in (await _served(shopify, token))["order_transactions"])
    free = {"lines": [{"price": "0.00", "quantity": 1}], "discount": "0.00"}
    await shopify.ask("POST", f"shops/{SHOP}/orders/{number}/change", free)

    await tenants[0].next_pull()

    served = await _served(shopify, token)
    assert number not in {row[0] for row in served["order_transactions"]}
    assert await _stored(tenants[0]) == served


async def test_the_parts_of_orders_are_as_shopify_shows_them_however_they_come(
    engine: AsyncEngine, database: Database, publisher: Publisher, tmp_path: Path
):
    async with _two_tenants(engine, database, publisher, tmp_path) as (shopify, token, tenants):
        pulling, told = tenants
        served = await _served(shopify, token)
        assert all(served.values())
        assert await _stored(pulling) == await _stored(told) == served

        deleted = await _change_the_shop(shopify, served)
        changed = await _served(shopify, token)
        assert all(changed[part] != served[part] for part in PARTS)

        await handle_all(engine, (await _sent(shopify, told))[::-1], publisher)
        await told.until_confirmed()
        assert await _stored(told) == changed

        assert (await pulling.next_pull())["state"] == "succeeded"
        lost = {part: {row for row in served[part] if row[0] == deleted} for part in PARTS}
        # Of a deletion only a delivery tells, or the next whole pull.
        assert await _stored(pulling) == {part: changed[part] | lost[part] for part in PARTS}
        for record in (await _sent(shopify, pulling))[::-1]:
            await handle_all(engine, [record], publisher)
        await pulling.until_confirmed()

        for tenant in tenants:
            assert await _stored(tenant) == changed
            assert await tenant.differences() == []
            assert await _stored(tenant, "deleted_at IS NOT NULL") == lost
        assert lost["refund_lines"]
        assert lost["order_transactions"]
        await _expect_that_a_payment_goes(shopify, token, tenants)
