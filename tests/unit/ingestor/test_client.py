"""A call to Shopify is repeated where that can help, waits where it is told to, and uses a token
that Shopify accepts.
"""

from datetime import timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from libs.common.errors import (
    ShopifyRateLimitError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)
from libs.common.ids import new_id
from services.ingestor.shopify.errors import TokenRefusedError
from services.ingestor.shopify.tokens import AccessToken
from tests.unit.ingestor.leaping_time import in_leaping_time
from tests.unit.ingestor.shops import SHOP, Shopify, Tokens, connect

QUERY = "{ shop { id } }"
OK = httpx.Response(200, json={"data": {"shop": {"id": "gid://shopify/Shop/1"}}})
THROTTLED = httpx.Response(
    200,
    json={
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {
            "cost": {
                "requestedQueryCost": 210,
                "throttleStatus": {
                    "maximumAvailable": 2000.0,
                    "currentlyAvailable": 10,
                    "restoreRate": 100.0,
                },
            }
        },
    },
)


@in_leaping_time
async def test_a_call_goes_to_the_shop_and_the_version_that_was_pinned():
    shopify = Shopify(OK)
    await connect(shopify).ask(QUERY)
    assert str(shopify.requests[0].url) == f"https://{SHOP}/admin/api/2026-10/graphql.json"


@pytest.mark.parametrize(
    "trouble", [httpx.Response(503), httpx.ReadTimeout("slow"), httpx.ConnectError("away")]
)
@in_leaping_time
async def test_a_failure_of_shopify_is_tried_again(trouble: httpx.Response | Exception):
    shopify = Shopify(trouble, trouble, OK)
    answer = await connect(shopify).ask(QUERY)
    assert answer.data["shop"]["id"] == "gid://shopify/Shop/1"


@in_leaping_time
async def test_after_five_tries_with_growing_pauses_shopify_is_unavailable():
    shopify = Shopify(httpx.Response(500))
    with pytest.raises(ShopifyUnavailableError):
        await connect(shopify).ask(QUERY)
    shortest = (1, 2, 4, 8)
    assert [
        least <= pause <= 1.5 * least for pause, least in zip(shopify.pauses, shortest, strict=True)
    ] == [True] * 4


@in_leaping_time
async def test_a_failure_that_says_when_it_may_be_over_is_not_tried_again_before():
    shopify = Shopify(httpx.Response(503, headers={"Retry-After": "20.5"}), OK)
    await connect(shopify).ask(QUERY)
    assert shopify.pauses == [20.5]


@in_leaping_time
async def test_throttling_is_waited_for_however_often_and_is_no_failure():
    shopify = Shopify(httpx.Response(500), *[THROTTLED] * 9, httpx.Response(500), OK)
    await connect(shopify).ask(QUERY)
    assert len(shopify.requests) == 12
    assert all(2 <= pause <= 2.5 for pause in shopify.pauses[1:10])


@in_leaping_time
async def test_a_429_is_waited_for_as_long_as_it_says():
    shopify = Shopify(httpx.Response(429, headers={"Retry-After": "3.5"}), OK)
    await connect(shopify).ask(QUERY)
    assert 3.5 <= shopify.pauses[0] <= 4


@pytest.mark.parametrize(
    ("status", "error"), [(429, ShopifyRateLimitError), (503, ShopifyUnavailableError)]
)
@in_leaping_time
async def test_nobody_is_kept_waiting_for_more_than_five_minutes(
    status: int, error: type[Exception]
):
    shopify = Shopify(httpx.Response(status, headers={"Retry-After": "301"}), OK)
    with pytest.raises(error):
        await connect(shopify).ask(QUERY)
    endless = Shopify(THROTTLED)
    with pytest.raises(ShopifyRateLimitError):
        await connect(endless).ask(QUERY)
    assert 290 < endless.asked_at[-1] - endless.asked_at[0] <= 300


@in_leaping_time
async def test_a_rate_limit_is_logged_with_its_tenant():
    tenant_id = new_id()
    last = httpx.Response(429, headers={"Retry-After": "900"})
    client = connect(Shopify(THROTTLED, httpx.Response(429), last), tenant_id=tenant_id)
    with capture_logs() as logs, pytest.raises(ShopifyRateLimitError):
        await client.ask(QUERY)
    seen = [
        (each["tenant_id"], each.get("reason"), each.get("status"))
        for each in logs
        if each["event"] == "shopify_throttled"
    ]
    limits = [("THROTTLED", None), (None, 429), (None, 429)]
    assert seen == [(str(tenant_id), *limit) for limit in limits]


@in_leaping_time
async def test_a_refusal_is_not_tried_again():
    shopify = Shopify(httpx.Response(403))
    with pytest.raises(ShopifyRequestError):
        await connect(shopify).ask(QUERY)
    assert len(shopify.requests) == 1


@in_leaping_time
async def test_a_token_is_kept_until_shopify_refuses_it_and_then_asked_for_once():
    tokens, shopify = Tokens(), Shopify(OK, httpx.Response(401), OK)
    client = connect(shopify, tokens)
    await client.ask(QUERY)
    await client.ask(QUERY)
    assert shopify.tokens == ["token-1", "token-1", "token-2"]


@in_leaping_time
async def test_a_token_refused_as_soon_as_it_was_given_is_trouble_that_may_pass():
    tokens, shopify = Tokens(), Shopify(httpx.Response(401))
    with pytest.raises(TokenRefusedError):
        await connect(shopify, tokens).ask(QUERY)
    assert tokens.asked == 2


@in_leaping_time
async def test_a_token_that_ends_within_five_minutes_is_not_used_again():
    tokens, shopify = Tokens(timedelta(minutes=4)), Shopify(OK)
    client = connect(shopify, tokens)
    await client.ask(QUERY)
    await client.ask(QUERY)
    assert shopify.tokens == ["token-1", "token-2"]


def test_a_token_does_not_show_itself():
    assert "secret" not in repr(AccessToken("secret", SHOP))


@in_leaping_time
async def test_the_served_version_is_that_of_the_last_answer_that_named_one():
    named = [{"X-Shopify-API-Version": version} for version in ("2026-10", "2027-01")]
    answers = [httpx.Response(200, json={"data": {}}, headers=each) for each in [*named, {}]]
    client = connect(Shopify(*answers))
    versions = []
    for _ in range(3):
        await client.ask(QUERY)
        versions.append(client.served_version)
    assert versions == ["2026-10", "2027-01", "2027-01"]
