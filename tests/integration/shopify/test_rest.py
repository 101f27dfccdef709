"""REST brings single objects, counts, and every page of a list, within the shop's call limit."""

import asyncio

import pytest
from structlog.testing import capture_logs

from libs.common.errors import ShopifyRequestError
from tests.integration.shopify.called import ORDERS, CalledShop


async def test_the_shop_and_a_count_are_read_with_the_time_on_shopifys_clock(shop: CalledShop):
    client = shop.rest()
    answer = await client.get("shop", {"fields": "domain,currency"})
    assert answer.data["shop"]["currency"] == "GBP"
    assert answer.observed_at.tzinfo is not None
    assert (await client.get("orders/count", {"status": "any"})).data == {"count": ORDERS}


@pytest.mark.parametrize("name", ["orders", "customers", "products"])
async def test_pages_bring_everything_once(shop: CalledShop, name: str):
    client, params = shop.rest(), {"limit": "1", "fields": "id"}
    if name == "orders":
        params["status"] = "any"
    whole = (await client.get(name, {**params, "limit": "250"})).data[name]
    pages = [page async for page in client.pages(name, params)]
    assert [page.data[name] for page in pages] == [[row] for row in whole]
    assert len(whole) > 1


async def test_a_page_leads_on_and_back(shop: CalledShop):
    client = shop.rest()
    first = await client.get("orders", {"status": "any", "limit": "2", "fields": "id"})
    second = await client.get("orders", first.next)
    again = await client.get("orders", second.previous)
    assert (first.previous, second.next) == (None, None)
    assert again.data == first.data != second.data


async def test_what_rest_does_not_know_is_refused_for_good(shop: CalledShop):
    with pytest.raises(ShopifyRequestError) as caught:
        await shop.rest().get("orders", {"colour": "blue"})
    assert caught.value.context["status"] == 400


async def test_calls_wait_before_they_would_overflow_the_bucket(shop: CalledShop):
    await shop.break_with(throttle=True)
    client = shop.rest()
    with capture_logs() as logs:
        await client.get("orders/count")
        # The bucket holds 40 calls and leaks two a second.
        await asyncio.gather(*(client.get("orders/count") for _ in range(50)))
    # Eleven are too many at once. On a busy machine some may still arrive too close together.
    assert len([each for each in logs if each["event"] == "shopify_throttled"]) < 11
