"""A call to Shopify is repeated where that can help, waits where it is told to, and uses a token
that Shopify accepts.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from tenacity import wait_none

from libs.common.clock import utc_now
from libs.common.errors import (
    ReconnectRequiredError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)
from libs.common.ids import new_id
from services.ingestor.shopify.graphql import AdminApi, ShopifyClient
from services.ingestor.shopify.tokens import AccessToken, ShopToken

API = AdminApi("https://{shop}", "2026-10")
SHOP = "client.myshopify.com"
OK = httpx.Response(200, json={"data": {"shop": {"id": "gid://shopify/Shop/1"}}})
THROTTLED = httpx.Response(
    200,
    json={
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {
            "cost": {
                "requestedQueryCost": 10,
                "throttleStatus": {"currentlyAvailable": 10, "restoreRate": 100.0},
            }
        },
    },
)


class Tokens:
    """Numbers its tokens in the order in which they were asked for."""

    def __init__(self, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.asked = 0
        self.lifetime = lifetime

    async def __call__(self, _tenant_id: UUID) -> AccessToken:
        self.asked += 1
        return AccessToken(f"token-{self.asked}", SHOP, utc_now() + self.lifetime)


class Shopify:
    """Gives its answers one after the other, the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def tokens(self) -> list[str]:
        return [request.headers["X-Shopify-Access-Token"] for request in self.requests]


Connect = Callable[[Shopify, Tokens], ShopifyClient]


@pytest.fixture
def connect() -> Iterator[Connect]:
    def build(shopify: Shopify, tokens: Tokens) -> ShopifyClient:
        http = httpx.AsyncClient(transport=httpx.MockTransport(shopify))
        return ShopifyClient(http, API, ShopToken(new_id(), tokens), retry_wait=wait_none())

    return build


async def test_a_call_goes_to_the_shop_and_the_version_that_was_pinned(connect: Connect):
    shopify = Shopify(OK)
    await connect(shopify, Tokens()).ask("{ shop { id } }")
    assert str(shopify.requests[0].url) == f"https://{SHOP}/admin/api/2026-10/graphql.json"


@pytest.mark.parametrize(
    "trouble", [httpx.Response(503), httpx.ReadTimeout("slow"), httpx.ConnectError("away")]
)
async def test_a_failure_of_shopify_is_tried_again(
    connect: Connect, trouble: httpx.Response | Exception
):
    shopify = Shopify(trouble, trouble, OK)
    answer = await connect(shopify, Tokens()).ask("{ shop { id } }")
    assert answer.data["shop"]["id"] == "gid://shopify/Shop/1"


async def test_after_five_tries_shopify_is_unavailable(connect: Connect):
    shopify = Shopify(httpx.Response(500))
    with pytest.raises(ShopifyUnavailableError):
        await connect(shopify, Tokens()).ask("{ shop { id } }")
    assert len(shopify.requests) == 5


async def test_throttling_is_waited_for_however_often_and_is_no_failure(connect: Connect):
    shopify = Shopify(*[THROTTLED] * 6, OK)
    await connect(shopify, Tokens()).ask("{ shop { id } }")
    assert len(shopify.requests) == 7


async def test_a_refusal_is_not_tried_again(connect: Connect):
    shopify = Shopify(httpx.Response(403))
    with pytest.raises(ShopifyRequestError):
        await connect(shopify, Tokens()).ask("{ shop { id } }")
    assert len(shopify.requests) == 1


async def test_a_token_is_kept_until_shopify_refuses_it_and_then_asked_for_once(connect: Connect):
    tokens, shopify = Tokens(), Shopify(OK, httpx.Response(401), OK)
    client = connect(shopify, tokens)
    await client.ask("{ shop { id } }")
    await client.ask("{ shop { id } }")
    assert shopify.tokens == ["token-1", "token-1", "token-2"]


async def test_two_refused_tokens_mean_that_the_merchant_must_connect_again(connect: Connect):
    tokens, shopify = Tokens(), Shopify(httpx.Response(401))
    with pytest.raises(ReconnectRequiredError):
        await connect(shopify, tokens).ask("{ shop { id } }")
    assert tokens.asked == 2


async def test_a_token_that_ends_within_five_minutes_is_not_used_again(connect: Connect):
    tokens, shopify = Tokens(timedelta(minutes=4)), Shopify(OK)
    client = connect(shopify, tokens)
    await client.ask("{ shop { id } }")
    await client.ask("{ shop { id } }")
    assert shopify.tokens == ["token-1", "token-2"]


def test_a_token_does_not_show_itself():
    assert "secret" not in repr(AccessToken("secret", SHOP))
