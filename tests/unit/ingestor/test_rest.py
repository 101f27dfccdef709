"""REST speaks as Shopify expects it: methods, bodies, limits, links; and never repeats what may
have been carried out already.
"""

import httpx
import pytest

from libs.common.errors import ShopifyRequestError, ShopifyUnavailableError
from libs.common.ids import new_id
from services.ingestor.shopify.rest import RestClient
from services.ingestor.shopify.tokens import ShopToken
from tests.unit.ingestor.leaping_time import in_leaping_time
from tests.unit.ingestor.shops import API, SHOP, Shopify, Tokens

OK = httpx.Response(200, json={"order": {"id": 1}})
_ADDRESS = f"https://{SHOP}/admin/api/2026-10/orders"


def _connect(shopify: Shopify) -> RestClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(shopify))
    return RestClient(http, API, ShopToken(new_id(), Tokens()))


@in_leaping_time
async def test_each_method_goes_out_as_such_with_its_body():
    shopify = Shopify(OK, OK, OK, httpx.Response(200))
    client = _connect(shopify)
    await client.get("orders/1", {"fields": "id"})
    await client.post("orders", {"order": {"note": "é"}})
    await client.put("orders/1", {"order": {}})
    gone = await client.delete("orders/1")
    sent = [(each.method, str(each.url), each.content) for each in shopify.requests]
    assert sent == [
        ("GET", f"{_ADDRESS}/1.json?fields=id", b""),
        ("POST", f"{_ADDRESS}.json", '{"order":{"note":"é"}}'.encode()),
        ("PUT", f"{_ADDRESS}/1.json", b'{"order":{}}'),
        ("DELETE", f"{_ADDRESS}/1.json", b""),
    ]
    assert gone.data is None


@in_leaping_time
async def test_a_post_that_may_have_been_carried_out_is_not_repeated():
    shopify = Shopify(httpx.ReadTimeout("slow"), OK)
    with pytest.raises(ShopifyUnavailableError):
        await _connect(shopify).post("orders", {})
    assert len(shopify.requests) == 1


@pytest.mark.parametrize("method", ["get", "delete"])
@in_leaping_time
async def test_what_can_be_repeated_is(method: str):
    shopify = Shopify(httpx.ReadTimeout("slow"), httpx.Response(502), OK)
    await getattr(_connect(shopify), method)("orders/1")
    assert len(shopify.requests) == 3


@in_leaping_time
async def test_a_post_that_was_throttled_was_not_carried_out_and_is_repeated():
    shopify = Shopify(httpx.Response(429, headers={"Retry-After": "2.0"}), OK)
    await _connect(shopify).post("orders", {})
    assert 2 <= shopify.pauses[0] <= 2.5


@in_leaping_time
async def test_a_full_bucket_is_waited_for():
    headers = {"X-Shopify-Shop-Api-Call-Limit": "40/40"}
    shopify = Shopify(httpx.Response(200, json={}, headers=headers), OK)
    client = _connect(shopify)
    await client.get("orders")
    await client.get("orders")
    assert shopify.pauses == [pytest.approx(0.5)]


@pytest.mark.parametrize("limit", ["", "40", "a/b", "1/0", "-1/40", "1/²"])
@in_leaping_time
async def test_a_limit_that_cannot_be_read_is_none(limit: str):
    headers = {"X-Shopify-Shop-Api-Call-Limit": limit.encode()}
    shopify = Shopify(httpx.Response(200, json={}, headers=headers), OK)
    client = _connect(shopify)
    await client.get("orders")
    await client.get("orders")
    assert shopify.pauses == [0]


@in_leaping_time
async def test_a_link_that_leads_elsewhere_is_followed_at_the_shop_alone():
    link = '<https://evil.example/x.json?limit=2&page_info=a%3D>; rel="next"'
    shopify = Shopify(httpx.Response(200, json={"orders": []}, headers={"Link": link}), OK)
    pages = [page async for page in _connect(shopify).pages("orders", {"status": "any"})]
    assert str(shopify.requests[1].url) == f"{_ADDRESS}.json?limit=2&page_info=a%3D"
    assert len(pages) == 2


@in_leaping_time
async def test_an_answer_that_is_no_json_is_a_failure_and_404_a_refusal():
    with pytest.raises(ShopifyUnavailableError):
        await _connect(Shopify(httpx.Response(200, content=b"<html>"))).get("orders")
    with pytest.raises(ShopifyRequestError):
        await _connect(Shopify(httpx.Response(404))).get("orders/9")
