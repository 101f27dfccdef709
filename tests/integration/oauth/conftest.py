"""A running oauth service with a database of its own and a Shopify that does as it is told."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, running
from tests.integration.oauth.leaving import Leaver, connected_leaver
from tests.integration.oauth.scripted_shopify import ScriptedShopify, scripted_shopify
from tests.integration.oauth.simulated import Connected, connected
from tests.integration.simulator.driver import Process

_LINES = (
    "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"
    "1,2026-11-01T10:00:00,1,1,Toy,1,9.50\n"
)
_SHOPS = 40
_numbers = count()


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


@pytest.fixture
async def leaver(oauth: OauthDriver, shopify: ScriptedShopify) -> Leaver:
    return await connected_leaver(oauth, shopify)


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One for the whole run, with a shop for each test."""
    folder = tmp_path_factory.mktemp("simulator")
    lines = folder / "lines.csv"
    lines.write_text(_LINES)
    shops = [f"--shop=shop-{number}.myshopify.com={lines}" for number in range(_SHOPS)]
    process = Process(folder / "data", shops).start()
    yield process
    process.stop()


@pytest.fixture
async def toys(
    database: Database, keys: CallerKeys, simulator_process: Process
) -> AsyncIterator[Connected]:
    """A shop of the simulator that is connected."""
    domain = f"shop-{next(_numbers)}.myshopify.com"
    async with connected(database, keys, simulator_process.base, domain) as made:
        yield made
