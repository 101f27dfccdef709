"""Whatever goes wrong at Shopify, a call ends in its whole answer or in the error that says what
is to be done: by GraphQL and by REST alike.
"""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.database.engine import create_engine
from libs.common.errors import (
    ShopifyCircuitOpenError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)
from services.ingestor.shopify.errors import TokenRefusedError
from services.ingestor.shopify.gates import ShopGates
from services.ingestor.shopify.transport import AdminApi
from tests.databases import Database
from tests.integration.shopify.called import COUNT, ORDERS, CalledShop

both = pytest.mark.parametrize("kind", ["graphql", "rest"])
PAGE = "{ orders(first: 250) { nodes { id lineItems(first: 250) { nodes { id } } } } }"
TOO_DEAR = " ".join(f"p{number}: {PAGE[1:-1].strip()}" for number in range(7))


@both
@pytest.mark.parametrize(
    "faults",
    [
        {"apiStatus": 500, "apiFailures": 4},
        {"apiStatus": 502, "apiFailures": 1},
        {"apiStatus": 503, "apiFailures": 1},
        {"apiStatus": 504, "apiFailures": 1},
        {"apiStatus": 429, "apiFailures": 1},
        {"cutAnswers": 4, "cutAt": "start"},
        {"cutAnswers": 4, "cutAt": "middle"},
        {"apiLatency": 0.3},
    ],
    ids=str,
)
async def test_what_passes_ends_in_the_answer(shop: CalledShop, kind: str, faults: dict[str, Any]):
    await shop.break_with(**faults)
    assert await shop.counting(kind)() == ORDERS


@both
@pytest.mark.parametrize(
    "faults", [{"apiStatus": 500, "apiFailures": 5}, {"cutAnswers": 5}], ids=str
)
async def test_what_does_not_pass_within_five_tries_is_unavailable(
    shop: CalledShop, kind: str, faults: dict[str, Any]
):
    await shop.break_with(**faults)
    count = shop.counting(kind)
    with pytest.raises(ShopifyUnavailableError):
        await count()
    with pytest.raises(ShopifyCircuitOpenError):
        await count()


@both
@pytest.mark.parametrize(
    ("status", "words"),
    [(402, "bill"), (403, "let this app in"), (423, "locked"), (404, "no such")],
)
async def test_a_refusal_is_final_and_says_why(
    shop: CalledShop, kind: str, status: int, words: str
):
    await shop.break_with(apiStatus=status, apiFailures=9)
    with pytest.raises(ShopifyRequestError, match=words):
        await shop.counting(kind)()
    assert (await shop.faults())["apiFailures"] == 8


@both
async def test_a_token_that_has_ended_is_replaced(shop: CalledShop, kind: str):
    count = shop.counting(kind)
    await count()
    await shop.simulator.control("POST", "/tokens/expire")
    assert await count() == ORDERS
    assert shop.tokens_asked == 2


@both
async def test_a_401_to_a_token_given_just_now_is_trouble_of_shopifys_that_may_pass(
    shop: CalledShop, kind: str
):
    """Nobody is asked to connect a shop again whose token endpoint still gives us tokens."""
    count = shop.counting(kind)
    await shop.break_with(apiStatus=401, apiFailures=2)
    with pytest.raises(TokenRefusedError):
        await count()
    assert shop.tokens_asked == 2
    assert await count() == ORDERS


async def test_a_burst_of_throttling_is_waited_for(shop: CalledShop):
    await shop.break_with(throttled=6)
    count = shop.counting("graphql")
    with capture_logs() as logs:
        assert await asyncio.gather(*(count() for _ in range(4))) == [ORDERS] * 4
    reasons = [each["reason"] for each in logs if each["event"] == "shopify_throttled"]
    assert reasons == ["THROTTLED"] * 6


async def test_a_query_that_is_too_dear_is_refused_for_good(shop: CalledShop):
    with pytest.raises(ShopifyRequestError) as caught:
        await shop.graphql().ask(f"{{ {TOO_DEAR} }}")
    assert caught.value.context["reason"] == "MAX_COST_EXCEEDED"


async def test_an_answer_that_broke_off_half_way_is_asked_for_again(shop: CalledShop):
    await shop.break_with(internalErrors=2)
    answer = await shop.graphql().ask(PAGE)
    assert len(answer.data["orders"]["nodes"]) == ORDERS


async def test_answers_that_always_break_off_are_no_answer(shop: CalledShop):
    await shop.break_with(internalErrors=9)
    with pytest.raises(ShopifyUnavailableError):
        await shop.graphql().ask(PAGE)


async def test_points_are_shared_so_that_no_query_is_refused(shop: CalledShop):
    await shop.simulator.control("PATCH", "", {"plan": "plus"})
    await shop.break_with(throttle=True)
    # Nothing comes back of what a count costs: 31 times 900 points, of 20,000 at once.
    counts = " ".join(f"c{number}: ordersCount {{ count }}" for number in range(90))
    client = shop.graphql()
    with capture_logs() as logs:
        await client.ask(f"{{ {counts} }}")
        await asyncio.gather(*(client.ask(f"{{ {counts} }}") for _ in range(30)))
    # Nine are too many at once. On a busy machine some may still arrive too close together.
    assert len([each for each in logs if each["event"] == "shopify_throttled"]) < 9


@both
async def test_another_version_than_ours_is_seen(shop: CalledShop, kind: str):
    old = AdminApi(shop.api.url, "2020-01")
    client = shop.graphql(api=old) if kind == "graphql" else shop.rest(api=old)
    await (client.ask(COUNT) if kind == "graphql" else client.get("shop"))
    assert client.served_version not in (None, "2020-01")


@both
async def test_five_failures_keep_every_process_from_the_shop(
    database: Database, engine: AsyncEngine, tenant_id: Any, shop: CalledShop, kind: str
):
    elsewhere = create_engine(SecretStr(database.url_for("ingestor")), "another process")
    await shop.break_with(apiStatus=500, apiFailures=50)
    with pytest.raises(ShopifyUnavailableError):
        await shop.counting(kind, ShopGates(engine).of(tenant_id))()
    other = shop.counting("graphql", ShopGates(elsewhere).of(tenant_id))
    with pytest.raises(ShopifyCircuitOpenError):
        await other()
    assert (await shop.faults())["apiFailures"] == 45
    await elsewhere.dispose()
