"""A shop's limits are shared by all calls to it: none is sent that would be refused, none waits
longer than it must, and no other shop is waited for.
"""

import asyncio

import pytest

from services.ingestor.shopify.gates import ShopGate
from services.ingestor.shopify.throttle import Bucket, Cost
from tests.unit.ingestor.leaping_time import in_leaping_time
from tests.unit.ingestor.shops import MeteredShopify, connect

CHEAP, DEAR = "{ shop { id } }", "{ orders }"
PRICES = {CHEAP: 4.0, DEAR: 300.0}


def _now() -> float:
    return asyncio.get_running_loop().time()


@in_leaping_time
async def test_once_the_price_is_known_no_call_is_refused_and_all_points_are_used():
    shopify = MeteredShopify(PRICES)
    client = connect(shopify)
    await client.ask(DEAR)
    began = _now()
    for _ in range(60):
        await client.ask(DEAR)
    assert (shopify.answered, shopify.refused) == (61, 0)
    # What the full bucket held at the start comes on top of what was restored meanwhile.
    assert _now() - began <= 1.1 * 60 * 150 / shopify.restore_rate


@pytest.mark.parametrize("at_once", [2, 8, 50])
@in_leaping_time
async def test_calls_at_once_share_the_points_however_many_clients_make_them(at_once: int):
    shopify, gate = MeteredShopify(PRICES), ShopGate()
    clients = [connect(shopify, gate=gate) for _ in range(at_once)]
    await clients[0].ask(DEAR)
    began = _now()
    await asyncio.gather(*(client.ask(DEAR) for client in clients for _ in range(120 // at_once)))
    assert shopify.refused == 0
    assert _now() - began <= 1.1 * (shopify.spent - 150) / shopify.restore_rate


@in_leaping_time
async def test_an_unknown_price_is_learned_from_the_first_refusal():
    shopify = MeteredShopify(PRICES, maximum=310)
    client = connect(shopify)
    await client.ask(CHEAP)
    await asyncio.gather(*(client.ask(DEAR) for _ in range(3)))
    assert shopify.answered == 4
    assert shopify.refused <= 2


@in_leaping_time
async def test_a_cheap_call_does_not_starve_a_dear_one_that_came_first():
    shopify = MeteredShopify(PRICES, maximum=310, restore_rate=10)
    client, done = connect(shopify), list[str]()

    async def ask(document: str) -> None:
        await client.ask(document)
        done.append(document)

    await client.ask(DEAR)
    await client.ask(CHEAP)
    await asyncio.gather(ask(DEAR), *(ask(CHEAP) for _ in range(5)))
    assert done == [DEAR, *[CHEAP] * 5]


@in_leaping_time
async def test_a_shop_out_of_points_keeps_no_other_shop_waiting():
    poor, rich = MeteredShopify(PRICES, restore_rate=1), MeteredShopify(PRICES)
    waiting = connect(poor)
    for _ in range(2):
        await waiting.ask(DEAR)
    slow = [asyncio.create_task(waiting.ask(DEAR)) for _ in range(20)]
    other = connect(rich)
    began = _now()
    await other.ask(DEAR)
    assert _now() - began == pytest.approx(0.5)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


@in_leaping_time
async def test_a_call_that_is_given_up_while_it_waits_costs_nothing():
    bucket = Bucket(default_cost=1)
    async with bucket.spend("call") as spending:
        spending.learn(Cost(1, 0, 40, 2))
    given_up = asyncio.create_task(_enter(bucket))
    await asyncio.sleep(0.1)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    began = _now()
    await _enter(bucket)
    assert _now() - began == pytest.approx(0.4)


@in_leaping_time
async def test_a_closed_bucket_lets_nobody_through_before_its_time():
    bucket = Bucket(default_cost=1)
    bucket.close_for(2.0)
    bucket.close_for(1.0)
    began = _now()
    await asyncio.gather(_enter(bucket), _enter(bucket))
    assert _now() - began == pytest.approx(2.0)


@in_leaping_time
async def test_what_costs_more_than_the_bucket_holds_is_left_for_shopify_to_refuse():
    bucket = Bucket(default_cost=1)
    async with bucket.spend("call") as spending:
        spending.learn(Cost(5_000, 40, 40, 2))
    began = _now()
    await _enter(bucket)
    assert _now() == began


async def _enter(bucket: Bucket) -> None:
    async with bucket.spend("call"):
        pass
