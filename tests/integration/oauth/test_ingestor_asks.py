"""The ingestor gets on with its work when Shopify refuses a token that should be good, and learns
from oauth when the merchant must connect again."""

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.common.errors import ReconnectRequiredError
from libs.common.web.client import ServiceClient
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.tokens import ShopToken, oauth_tokens
from services.ingestor.shopify.transport import AdminApi
from tests.caller_keys import CallerKeys
from tests.integration.oauth.simulated import Connected
from tests.integration.simulator.driver import Process

QUERY = "{ shop { myshopifyDomain } }"


@pytest.fixture
async def client(
    toys: Connected, keys: CallerKeys, simulator_process: Process
) -> AsyncIterator[ShopifyClient]:
    """The ingestor's own, bound to the shop."""
    api = AdminApi(f"{simulator_process.base}/{{shop}}", "2026-10")
    oauth = ServiceClient("oauth", str(toys.oauth.http.base_url), keys.signer("ingestor"))
    token = ShopToken(toys.tenant_id, oauth_tokens(oauth))
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        yield ShopifyClient(http, api, token)
    await oauth.close()


async def test_a_token_that_shopify_refuses_early_costs_one_refresh_and_no_answer(
    toys: Connected, client: ShopifyClient
):
    await client.ask(QUERY)
    await toys.shop.control("POST", "/tokens/expire")

    answer = await client.ask(QUERY)

    assert answer.data["shop"]["myshopifyDomain"] == toys.shop.shop
    assert len(toys.door.refreshes) == 1


async def test_a_shop_that_left_ends_the_work_and_stands_in_the_directory(
    toys: Connected, client: ShopifyClient
):
    await client.ask(QUERY)
    await toys.shop.control("POST", "/uninstall")

    with pytest.raises(ReconnectRequiredError):
        await client.ask(QUERY)

    assert await toys.oauth.status_of(toys.tenant_id) == "reconnect_required"
    await toys.walk_through()
    assert (await client.ask(QUERY)).data["shop"]["myshopifyDomain"] == toys.shop.shop
