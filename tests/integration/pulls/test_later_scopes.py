"""What the shop grants later is read by the next pull: older orders, and further entities."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls.state import ENTITIES
from services.ingestor.shopify.subscriptions import topics_for
from tests.integration.pulls.simulated import SCOPES, InstalledShops, Simulator, simulator
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "bluebird-supply.myshopify.com"
RECENT = SCOPES.replace("read_all_orders,", "")
MORE = f"{SCOPES},read_inventory,read_locations,read_discounts,read_draft_orders"


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    async with simulator(tmp_path / "sim", "--generated", "3", "--size", "120") as running:
        yield running


async def _sales_are_true(tenant: PulledTenant, shopify: Simulator) -> None:
    truth, totals = await shopify.truth(SHOP), await tenant.totals()
    alive = "SELECT count(*) AS n FROM store.orders WHERE deleted_at IS NULL AND NOT test"
    [counted] = await tenant.rows(alive)
    assert counted["n"] == truth["orders"]
    assert totals["revenue"] == Decimal(truth["revenue"])
    assert totals["units"] == truth["units"]
    assert await tenant.differences() == []


async def test_orders_that_may_be_seen_only_now_come_with_the_next_pull(
    engine: AsyncEngine, publisher: Publisher, shopify: Simulator, tenant: PulledTenant
):
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=RECENT)
    async with working(engine, publisher, shopify, shops):
        assert (await tenant.until_ended())["state"] == "succeeded"
        truth, [held] = await shopify.truth(SHOP), await _held(tenant)
        assert 0 < held["orders"] < truth["orders"]
        assert (await tenant.next_pull())["scope"] == "changes"
        assert await _held(tenant) == [held]

        shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=SCOPES)
        pull = await tenant.next_pull()
        assert (pull["scope"], pull["state"], pull["errors"]) == ("all", "succeeded", [])
        await _sales_are_true(tenant, shopify)
        [shop] = await tenant.rows("SELECT history_since FROM store.shops")
        assert shop["history_since"] is None

        assert (await tenant.next_pull())["scope"] == "changes", "once is enough"


async def _held(tenant: PulledTenant) -> list[dict[str, int]]:
    return await tenant.rows("SELECT count(*) AS orders FROM store.orders")


async def test_a_further_entity_that_may_be_seen_only_now_comes_with_the_next_pull(
    engine: AsyncEngine, publisher: Publisher, shopify: Simulator, tenant: PulledTenant
):
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=SCOPES)
    granted = frozenset(SCOPES.split(","))
    skipped = {name for name, kind in KINDS.items() if not kind.is_granted(granted)}
    async with working(engine, publisher, shopify, shops):
        first = await tenant.until_ended()
        assert first["state"] == "succeeded"
        states = {each["entity"]: each["state"] for each in first["furtherEntities"]}
        assert {name for name, state in states.items() if state == "skipped"} == skipped != set()

        shops.by_tenant[tenant.id] = await shopify.install(SHOP, scopes=MORE)
        pull = await tenant.next_pull()
    assert (pull["scope"], pull["state"], pull["errors"]) == ("changes", "succeeded", [])
    rows = await tenant.rows(
        f"SELECT entity, state FROM store.pull_entities WHERE pull_id = '{pull['id']}'"
    )
    assert {row["entity"]: row["state"] for row in rows} == dict.fromkeys(
        (*ENTITIES, *KINDS), "done"
    )
    for name in skipped:
        [found] = await tenant.rows(f"SELECT count(*) AS n FROM store.{name}")
        assert found["n"], name
    subscribed = await shopify.ask("GET", f"shops/{SHOP}/subscriptions")
    wanted = topics_for(frozenset(MORE.split(",")))
    assert sorted(each["topic"] for each in subscribed["subscriptions"]) == sorted(
        topic.upper().replace("/", "_") for topic in wanted
    )
    await _sales_are_true(tenant, shopify)
