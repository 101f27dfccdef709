"""Shopify's own number of a shop is learned at the connect, or in a later round."""

import asyncio

import pytest

from services.oauth.shop_ids import keep_learning
from tests.integration.oauth.driver import OauthDriver, new_domain
from tests.integration.oauth.scripted_shopify import ScriptedShopify


async def _numbers(oauth: OauthDriver) -> list[int | None]:
    rows = await oauth.rows("SELECT shop_id FROM tenancy.shop_directory ORDER BY shop_id")
    return [row["shop_id"] for row in rows]


async def test_a_connect_learns_the_number(oauth: OauthDriver, shopify: ScriptedShopify):
    domain = new_domain()
    await oauth.connect(domain)
    assert await _numbers(oauth) == [shopify.number_of(domain)]


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500])
async def test_without_the_number_a_connect_succeeds_and_a_round_learns_it(
    oauth: OauthDriver, shopify: ScriptedShopify, status: int
):
    shopify.admin_status = status
    domains = [new_domain() for _ in range(3)]
    for domain in domains:
        tenant_id = await oauth.connect(domain)
    assert await _numbers(oauth) == [None] * 3
    assert await oauth.status_of(tenant_id) == "active"
    await oauth.parts.shop_ids.learn_missing()
    assert await _numbers(oauth) == [None] * 3

    shopify.admin_status = 200
    await oauth.parts.shop_ids.learn_missing()
    assert await _numbers(oauth) == sorted(shopify.number_of(domain) for domain in domains)


async def test_one_number_is_of_one_tenant(oauth: OauthDriver, shopify: ScriptedShopify):
    first, second = new_domain(), new_domain()
    shopify.shop_numbers[second] = shopify.number_of(first)
    await oauth.connect(first)
    assert await oauth.status_of(await oauth.connect(second)) == "active"
    assert await _numbers(oauth) == [shopify.number_of(first), None]


async def test_a_number_once_learned_stays(oauth: OauthDriver, shopify: ScriptedShopify):
    domain = new_domain()
    await oauth.connect(domain)
    number = shopify.number_of(domain)
    shopify.shop_numbers[domain] = 1
    await oauth.connect(domain)
    assert await _numbers(oauth) == [number]


async def test_rounds_are_made_without_being_asked_for(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    shopify.admin_status = 503
    await oauth.connect(new_domain())
    shopify.admin_status = 200
    task = asyncio.create_task(keep_learning(oauth.parts.shop_ids, first_round_seconds=0))
    async with asyncio.timeout(30):
        while await _numbers(oauth) == [None]:
            await asyncio.sleep(0.02)
    task.cancel()
