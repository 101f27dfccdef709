"""What no webhook told, and what Shopify shows late, comes with the next scheduled pull."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from services.ingestor.shopify import queries
from tests.integration.pulls.simulated import InstalledShops, Simulator, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "late.myshopify.com"


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "late.csv", orders=60)
    async with simulator(tmp_path / "simulator", "--shop", f"{SHOP}={file}") as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator, tenant_id: UUID) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[tenant_id] = await shopify.install(SHOP)
    return shops


@pytest.fixture
async def tenant(
    engine: AsyncEngine,
    tenant_id: UUID,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
) -> AsyncIterator[PulledTenant]:
    """With its whole history, and a worker for what comes."""
    tenant = PulledTenant(engine, tenant_id)
    await tenant.queue()
    async with working(engine, publisher, shopify, shops):
        assert (await tenant.until_ended())["state"] == "succeeded"
        yield tenant


async def _is_true(tenant: PulledTenant, shopify: Simulator) -> None:
    truth, totals = await shopify.truth(SHOP), await tenant.totals()
    assert totals["revenue"] == Decimal(truth["revenue"])
    assert await tenant.differences() == []


async def test_a_subscription_that_went_is_there_again_and_what_it_missed_is_in(
    tenant: PulledTenant, shopify: Simulator, shops: InstalledShops
):
    before = await _subscriptions(shopify)
    [gone] = [number for number, (topic, _) in before.items() if topic == "ORDERS_UPDATED"]
    number = f"gid://shopify/WebhookSubscription/{gone}"
    await shopify.admin(shops.by_tenant[tenant.id], queries.UNSUBSCRIBE, id=number)
    assert set(await _subscriptions(shopify)) == set(before) - {gone}
    [order] = await tenant.rows("SELECT id FROM store.orders ORDER BY id LIMIT 1")
    await shopify.ask("POST", f"shops/{SHOP}/orders/{order['id']}/refund", {})

    pull = await tenant.next_pull()

    assert (pull["scope"], pull["state"]) == ("changes", "succeeded")
    after = await _subscriptions(shopify)
    assert sorted(after.values()) == sorted(before.values())
    assert len(set(after) - set(before)) == 1, "the others are left as they are"
    [seen] = await tenant.rows(
        f"SELECT financial_status FROM store.orders WHERE id = {order['id']}"
    )
    assert seen == {"financial_status": "refunded"}
    await _is_true(tenant, shopify)


async def _subscriptions(shopify: Simulator) -> dict[str, tuple[str, str]]:
    """Topics and addresses, by number."""
    found = await shopify.ask("GET", f"shops/{SHOP}/subscriptions")
    return {each["id"]: (each["topic"], each["uri"]) for each in found["subscriptions"]}


async def test_a_changed_customer_comes_with_the_next_pull(
    tenant: PulledTenant, shopify: Simulator
):
    changed, late = await tenant.rows("SELECT id FROM store.customers ORDER BY id LIMIT 2")
    await _rename(shopify, changed["id"], "Ada")
    assert (await tenant.next_pull())["scope"] == "changes"
    assert await _first_name(tenant, changed["id"]) == "Ada"

    await _rename(shopify, late["id"], "Mary", seconds=-23 * 3_600)
    assert (await tenant.next_pull())["state"] == "succeeded"
    assert await _first_name(tenant, late["id"]) == "Mary", "changes may show a day late"


async def test_an_order_whose_change_shows_minutes_late_comes_with_the_next_pull(
    tenant: PulledTenant, shopify: Simulator
):
    [order] = await tenant.rows("SELECT id FROM store.orders ORDER BY id LIMIT 1")
    await _shift_clock(shopify, -9 * 60)
    await shopify.ask("POST", f"shops/{SHOP}/orders/{order['id']}/refund", {})
    await _shift_clock(shopify, 0)
    pull = await tenant.next_pull()
    assert (pull["scope"], pull["state"]) == ("changes", "succeeded")
    await _is_true(tenant, shopify)
    [seen] = await tenant.rows(
        f"SELECT financial_status FROM store.orders WHERE id = {order['id']}"
    )
    assert seen == {"financial_status": "refunded"}


async def _rename(shopify: Simulator, customer: int, name: str, *, seconds: int = 0) -> None:
    """By a clock that is off by so many seconds."""
    await _shift_clock(shopify, seconds)
    path = f"shops/{SHOP}/customers/{customer}"
    await shopify.ask("PATCH", path, {"firstName": name})
    await _shift_clock(shopify, 0)


async def _shift_clock(shopify: Simulator, seconds: int) -> None:
    await shopify.ask("POST", "clock", {"offsetSeconds": seconds})


async def _first_name(tenant: PulledTenant, customer: int) -> str:
    [row] = await tenant.rows(f"SELECT first_name FROM store.customers WHERE id = {customer}")
    return str(row["first_name"])
