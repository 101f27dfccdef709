"""A field that Shopify keeps from us, or leaves out against its schema, is never a crash: it is
null here too, or the error that names the fault.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.shop import count, read_shop
from services.ingestor.shopify.subscriptions import ensure_subscriptions
from tests.unit.ingestor.leaping_time import in_leaping_time
from tests.unit.ingestor.shops import Shopify, connect

SHOP: dict[str, Any] = {
    "id": "gid://shopify/Shop/1",
    "name": "Cups",
    "myshopifyDomain": "cups.myshopify.com",
    "currencyCode": "EUR",
    "ianaTimezone": "Europe/Berlin",
    "taxesIncluded": True,
    "plan": {"publicDisplayName": "Basic"},
}
SCOPES: dict[str, Any] = {"accessScopes": [{"handle": "read_all_orders"}]}
NO_PAGE = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": []}


def _shopify(*datas: Any) -> ShopifyClient:
    return connect(Shopify(*(httpx.Response(200, json={"data": data}) for data in datas)))


@in_leaping_time
async def test_a_plan_without_a_name_has_none():
    data = {"shop": {**SHOP, "plan": {"publicDisplayName": None}}, "currentAppInstallation": SCOPES}
    facts = await read_shop(_shopify(data))
    assert (facts.plan, facts.sees_all_orders) == (None, True)


@pytest.mark.parametrize("field", sorted(SHOP))
@in_leaping_time
async def test_shop_facts_with_a_hole_are_unreadable(field: str):
    data = {"shop": {**SHOP, field: None}, "currentAppInstallation": SCOPES}
    with pytest.raises(AnswerUnreadableError):
        await read_shop(_shopify(data))


async def _count(client: ShopifyClient) -> None:
    await count(client, "orders")


async def _subscribe(client: ShopifyClient) -> None:
    await ensure_subscriptions(client, "https://hooks.example", frozenset())


@pytest.mark.parametrize(
    ("ask", "datas"),
    [
        (read_shop, [{}]),
        (read_shop, [{"shop": SHOP, "currentAppInstallation": None}]),
        (_count, [{"found": None}]),
        (_count, [{}]),
        (_subscribe, [{"webhookSubscriptions": None}]),
        (_subscribe, [{"webhookSubscriptions": {**NO_PAGE, "nodes": [None]}}]),
        (_subscribe, [{"webhookSubscriptions": NO_PAGE}, {"webhookSubscriptionCreate": None}]),
    ],
)
@in_leaping_time
async def test_an_answer_with_a_hole_is_unreadable(
    ask: Callable[[ShopifyClient], Awaitable[object]], datas: list[Any]
):
    with pytest.raises(AnswerUnreadableError):
        await ask(_shopify(*datas))
