"""A running oauth service with a database of its own and a Shopify that does as it is told."""

from collections.abc import AsyncIterator

import pytest

from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, running
from tests.integration.oauth.scripted_shopify import ScriptedShopify, scripted_shopify


@pytest.fixture(scope="session")
def keys() -> CallerKeys:
    return CallerKeys()


@pytest.fixture
async def shopify() -> AsyncIterator[ScriptedShopify]:
    async with scripted_shopify() as made:
        yield made


@pytest.fixture
async def oauth(
    database: Database, shopify: ScriptedShopify, keys: CallerKeys
) -> AsyncIterator[OauthDriver]:
    async with running(database.url_for("oauth"), shopify.api_url, keys) as driver:
        yield driver
