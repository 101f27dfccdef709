"""Shops of a simulated Shopify, one for each test, and a tenant in PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from tests.databases import Database
from tests.factories import connected_tenant
from tests.integration.shopify.called import CalledShop
from tests.integration.simulator.conftest import small_shop
from tests.integration.simulator.driver import Process, Simulator

_SHOPS = [f"called-{number}.myshopify.com" for number in range(80)]


@pytest.fixture(scope="session")
def uncalled_shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    folder = tmp_path_factory.mktemp("called")
    arguments = [word for domain in _SHOPS for word in small_shop(folder, domain)]
    process = Process(folder / "data", arguments).start()
    yield process.base, _SHOPS.copy()
    assert process.stop() == 0


@pytest.fixture
async def shop(uncalled_shops: tuple[str, list[str]]) -> AsyncIterator[CalledShop]:
    """One that no other test has called, with our app installed."""
    base, shops = uncalled_shops
    async with Simulator(base, shops.pop()) as simulator:
        called = CalledShop(base, await simulator.install())
        yield called
        await called.http.aclose()


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(SecretStr(database.url_for("ingestor")), "tests")
    yield engine
    await engine.dispose()


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


@pytest.fixture
async def tenant_id(owner: asyncpg.Connection) -> UUID:
    """Whose rows `owner` sees."""
    tenant_id = await connected_tenant(owner)
    await owner.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{tenant_id}}}")
    return tenant_id
