"""A shop that gives us no access to protected customer data is pulled like any other: sales are
exact, nobody has a name, and names come once the access is given.
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.database.transaction import transaction
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.queue import queue_pull
from services.ingestor.pulls.state import ENTITIES
from services.ingestor.shopify.windows import Window
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import until
from tests.integration.pulls.live import live_path
from tests.integration.pulls.simulated import InstalledShops, Simulator, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working
from tests.integration.webhooks.shopify import SECRET, add_shop

ORDERS = 60
_BUYER = {"firstName": "Ada", "lastName": "Byron", "email": "ada@example.com"}
_PEOPLE = "SELECT id, first_name, last_name, email FROM store.customers"
_NAMED = f"{_PEOPLE} WHERE first_name IS NOT NULL OR last_name IS NOT NULL OR email IS NOT NULL"


@pytest.fixture
async def shop(database: Database) -> tuple[str, UUID]:
    return await add_shop(database)


@pytest.fixture
async def shopify(tmp_path: Path, shop: tuple[str, UUID]) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "shop.csv", orders=ORDERS)
    async with simulator(tmp_path / "simulator", "--shop", f"{shop[0]}={file}") as running:
        await running.faults(shop[0], signWith=SECRET, protectedFields=True)
        yield running


@pytest.fixture
async def tenant(engine: AsyncEngine, shop: tuple[str, UUID]) -> PulledTenant:
    tenant = PulledTenant(engine, shop[1])
    await tenant.queue()
    return tenant


@pytest.fixture
async def shops(shopify: Simulator, shop: tuple[str, UUID]) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[shop[1]] = await shopify.install(shop[0])
    return shops


def _order(price: str) -> dict[str, Any]:
    return {"lines": [{"title": "A", "price": price}], "customer": _BUYER}


async def _is_true(tenant: PulledTenant, shopify: Simulator, shop: str) -> None:
    truth, totals = await shopify.truth(shop), await tenant.totals()
    assert {name: totals[name] for name in ENTITIES} == {name: truth[name] for name in ENTITIES}
    assert totals["total"] == totals["revenue"] == Decimal(truth["revenue"])
    assert totals["units"] == truth["units"]
    assert await tenant.differences() == []


async def test_sales_are_exact_though_nobody_has_a_name_in_exports_and_pages(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    shop: tuple[str, UUID],
    tenant: PulledTenant,
):
    await shopify.ask("POST", f"shops/{shop[0]}/orders", _order("7.00"))
    async with working(engine, publisher, shopify, shops):
        pull = await tenant.until_ended()
        assert (pull["state"], pull["errors"]) == ("succeeded", [])
        await _is_true(tenant, shopify, shop[0])
        assert await tenant.rows(_NAMED) == []

        second = await shopify.ask("POST", f"shops/{shop[0]}/orders", _order("9.00"))
        with capture_logs() as logs:
            changes = await tenant.next_pull()
        assert (changes["scope"], changes["state"], changes["errors"]) == (
            "changes",
            "succeeded",
            [],
        )
        await _is_true(tenant, shopify, shop[0])
        assert await tenant.rows(_NAMED) == []
        denied = {field for each in logs for field in each.get("fields", ())}
        assert denied == {"firstName", "lastName", "defaultEmailAddress"}

        await shopify.faults(shop[0])
        async with transaction(engine, tenants=[tenant.id]) as tx:
            await queue_pull(tx, tenant.id, Window())
        assert (await tenant.until_last("all"))["state"] == "succeeded"
    [buyer] = await tenant.rows(f"{_PEOPLE} WHERE id = {second['customerId']}")
    del buyer["id"]
    assert buyer == {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}
    assert await tenant.rows(f"{_PEOPLE} WHERE last_name IS NULL") == []
    await _is_true(tenant, shopify, shop[0])


async def _came(tenant: PulledTenant, order: dict[str, Any]) -> bool:
    """The order, and the customer by news of its own: not as a stand-in for the order."""
    placed = await tenant.rows(f"SELECT 1 FROM store.orders WHERE id = {order['id']}")
    known = f"id = {order['customerId']} AND updated_at > '-infinity'"
    return bool(placed and await tenant.rows(f"SELECT 1 FROM store.customers WHERE {known}"))


async def test_orders_and_customers_come_by_webhook_without_names(
    database: Database,
    broker: Broker,
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    shop: tuple[str, UUID],
    tenant: PulledTenant,
):
    async with (
        live_path(database, broker) as webhooks_url,
        working(engine, publisher, shopify, shops, webhooks_url=webhooks_url),
    ):
        assert (await tenant.until_ended())["state"] == "succeeded"
        order = await shopify.ask("POST", f"shops/{shop[0]}/orders", _order("7.00"))
        await until(lambda: _came(tenant, order))
    sent = await shopify.ask("GET", f"shops/{shop[0]}/deliveries?bodies=1")
    topics = {each["topic"] for each in sent["deliveries"]}
    assert topics >= {"orders/create", "customers/create"}
    assert "ada@example.com" not in str(sent)
    [row] = await tenant.rows(f"SELECT customer_id FROM store.orders WHERE id = {order['id']}")
    assert str(row["customer_id"]) == order["customerId"]
    await _is_true(tenant, shopify, shop[0])
    assert await tenant.rows(_NAMED) == []
