"""What a shop holds besides sales is pulled, kept apart, and follows every change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from services.ingestor.kinds.registry import KINDS
from tests.integration.pulls.simulated import SCOPES, InstalledShops, Simulator, simulator
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "bluebird-supply.myshopify.com"
ALL_SCOPES = f"{SCOPES},read_inventory,read_locations,read_discounts,read_draft_orders"


@asynccontextmanager
async def _shop(folder: Path, scopes: str) -> AsyncIterator[tuple[Simulator, InstalledShops, Any]]:
    async with simulator(folder / "sim", "--generated", "3", "--size", "60") as shopify:
        yield shopify, InstalledShops(), await shopify.install(SHOP, scopes=scopes)


@pytest.fixture
def tenant(engine: AsyncEngine, tenant_id: UUID) -> PulledTenant:
    return PulledTenant(engine, tenant_id)


async def test_every_entity_comes_with_the_backfill_and_none_differs_from_its_count(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    await tenant.queue()
    async with _shop(tmp_path, ALL_SCOPES) as (shopify, shops, token):
        shops.by_tenant[tenant.id] = token
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()

    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    states = {each["entity"]: each["state"] for each in pull["furtherEntities"]}
    assert states == dict.fromkeys(KINDS, "done")
    for name in KINDS:
        [rows] = await tenant.rows(f"SELECT count(*) AS found FROM store.{name}")
        assert rows["found"], name
    assert await tenant.differences() == []


async def test_what_the_shop_gave_no_access_to_is_skipped_and_stops_nothing(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    await tenant.queue()
    async with _shop(tmp_path, SCOPES) as (shopify, shops, token):
        shops.by_tenant[tenant.id] = token
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()

    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    states = {each["entity"]: each["state"] for each in pull["furtherEntities"]}
    granted = frozenset(SCOPES.split(","))
    assert states == {
        name: "done" if kind.is_granted(granted) else "skipped" for name, kind in KINDS.items()
    }


async def test_locations_are_as_shopify_shows_them_and_one_that_went_unheard_of_goes(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    await tenant.queue()
    async with _shop(tmp_path, ALL_SCOPES) as (shopify, shops, token):
        shops.by_tenant[tenant.id] = token
        async with working(engine, publisher, shopify, shops):
            await tenant.until_ended()
            served = await shopify.admin(
                token, "{ locations(first: 9) { nodes { legacyResourceId name } } }"
            )
            await tenant.rows(
                f"""INSERT INTO store.locations (tenant_id, id, name, updated_at, observed_at)
                VALUES ('{tenant.id}', 1, 'gone', '2020-01-01', '2020-01-01') RETURNING 1"""
            )
            await tenant.rows(
                "UPDATE store.entity_counts SET records = records + 1 "
                "WHERE entity = 'locations' RETURNING 1"
            )
            pull = await tenant.next_pull()

    assert (pull["scope"], pull["state"]) == ("changes", "succeeded")
    rows = await tenant.rows("SELECT * FROM store.locations ORDER BY id")
    alive = {row["id"]: row["name"] for row in rows if row["deleted_at"] is None}
    assert alive == {
        int(node["legacyResourceId"]): node["name"] for node in served["locations"]["nodes"]
    }
    assert [row["id"] for row in rows if row["deleted_at"]] == [1]
    assert await tenant.differences() == []
