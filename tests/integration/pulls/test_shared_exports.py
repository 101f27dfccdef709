"""Further entities that the same nodes tell of have one export, and yet stand each for itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.errors import ShopifyRequestError
from libs.common.messaging.publisher import Publisher
from services.ingestor.export_ends import ExportEnds
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls import leases, repository
from services.ingestor.pulls.context import PullContext, Turns
from services.ingestor.pulls.progress import Progress
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.pulls.state import Slice
from services.ingestor.pulls.together import begin_shared_export, sharing
from services.ingestor.shopify.gates import ShopGates
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.tokens import ShopToken
from services.ingestor.shopify.transport import create_http_client
from tests.integration.pulls.simulated import SCOPES, InstalledShops, Simulator, simulator
from tests.integration.pulls.tenants import WEBHOOKS, PulledTenant, working

SHOP = "bluebird-supply.myshopify.com"
ALL_SCOPES = f"{SCOPES},read_inventory,read_locations,read_discounts,read_draft_orders"
SALES = 3
FURTHER_AT_MOST = 3
OF_ORDERS = ("order_transactions", "fulfillments")
_COLLECTIONS_BEGUN = """SELECT 1 FROM store.pull_entities
    WHERE entity = 'collections' AND checkpoint->'slices'->0->>'operation_id' IS NOT NULL"""
_COLLECTIONS_FETCHED = _COLLECTIONS_BEGUN.replace("operation_id", "parts")
_OPERATIONS = "SELECT entity, checkpoint->'slices' AS slices FROM store.pull_entities"


@asynccontextmanager
async def _shop(folder: Path, scopes: str) -> AsyncIterator[tuple[Simulator, Any]]:
    async with simulator(folder / "simulator", "--generated", "3", "--size", "60") as shopify:
        yield shopify, await shopify.install(SHOP, scopes=scopes)


@asynccontextmanager
async def _running(
    tenant: PulledTenant, publisher: Publisher, shopify: Simulator, token: Any, folder: Path
) -> AsyncIterator[list[RunningEntity]]:
    """What is read of each order, planned, in a pull that is claimed."""
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = token
    [claim] = await leases.claim_due(tenant.engine, 1)
    async with create_http_client(shopify.api) as http:
        gate = ShopGates(tenant.engine).of(tenant.id)
        client = ShopifyClient(http, shopify.api, ShopToken(tenant.id, shops), gate=gate)
        pull = PullContext(
            tenant.engine,
            claim,
            client,
            Progress(publisher, tenant.id),
            folder,
            WEBHOOKS,
            asyncio.Semaphore(5),
            ExportEnds(),
            Turns(1),
        )
        plan = await pull.write(lambda tx: repository.begin(tx, claim))
        found = [RunningEntity(pull, each, None) for each in plan.entities]
        chosen = [each for each in found if each.entity in OF_ORDERS]
        for each in chosen:
            await each.plan((Slice(),), None)
        yield sorted(chosen, key=lambda each: OF_ORDERS.index(each.entity))


async def test_a_backfill_makes_one_export_for_all_that_the_same_nodes_tell_of(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    async with _shop(tmp_path, ALL_SCOPES) as (shopify, token):
        shops = InstalledShops()
        shops.by_tenant[tenant.id] = token
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()
        made = await shopify.ask("GET", f"shops/{SHOP}/operations")
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    rows = {row["entity"]: row["slices"] for row in await tenant.rows(_OPERATIONS)}
    used: dict[Any, set[str]] = {}
    for kind in KINDS.values():
        if kind.bulk:
            used.setdefault(kind.listed_by, set()).add(rows[kind.name][0]["operation_id"])
    assert [len(operations) for operations in used.values()] == [1] * len(used)
    assert len(made["operations"]) == SALES + len(used)
    assert await tenant.rows("SELECT id FROM store.fulfillments") != []
    assert await tenant.rows("SELECT id FROM store.order_transactions") != []


async def test_further_exports_begin_beside_the_sales_and_three_run_at_once_at_most(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    """Every export takes seconds, so that whole seconds tell which ran at once; orders longest."""
    async with _shop(tmp_path, ALL_SCOPES) as (shopify, token):
        shops = InstalledShops()
        shops.by_tenant[tenant.id] = token
        await shopify.faults(SHOP, bulkDelay=2, bulkPace=80)
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()
        made = (await shopify.ask("GET", f"shops/{SHOP}/operations"))["operations"]
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    of_sales = {number for found in (await tenant.operations()).values() for number in found}
    further = [each for each in made if f"gid://shopify/BulkOperation/{each['id']}" not in of_sales]
    assert len(made) - len(further) == SALES
    assert len(further) > FURTHER_AT_MOST
    last_of_sales = max(each["completedAt"] for each in made if each not in further)
    assert min(each["createdAt"] for each in further) < last_of_sales
    moments = {each["createdAt"] for each in further}
    at_once = [
        sum(each["createdAt"] <= moment < each["completedAt"] for each in further)
        for moment in moments
    ]
    assert max(at_once) == FURTHER_AT_MOST


async def test_each_gets_a_file_of_its_own_which_it_may_remove(
    publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    folder = tmp_path / "files"
    folder.mkdir()
    async with _shop(tmp_path, ALL_SCOPES) as (shopify, token):
        async with _running(tenant, publisher, shopify, token, folder) as members:
            assert [sorted(each.entity for each in group) for group in sharing(members)] == [
                sorted(OF_ORDERS)
            ]
            async with begin_shared_export(members) as exporting:
                first, second = [await exporting[name][0] for name in OF_ORDERS]
                first.file.unlink()
                assert len(second.file.read_bytes().splitlines()) == 60
                second.file.unlink()
            assert list(folder.iterdir()) == []
            # A successor goes on with the export that there is, and begins no other.
            assert {each.checkpoint.slices[0].operation_id for each in members} != {None}
            assert sharing(members) == []


async def test_what_shopify_refuses_together_it_may_give_alone(
    publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    """The shop gave no access to its locations, which fulfillments name."""
    folder = tmp_path / "files"
    folder.mkdir()
    async with _shop(tmp_path, SCOPES) as (shopify, token):
        async with _running(tenant, publisher, shopify, token, folder) as members:
            async with begin_shared_export(members) as exporting:
                given = await exporting["order_transactions"][0]
                with pytest.raises(ShopifyRequestError):
                    await exporting["fulfillments"][0]
    assert (given.whole, given.number) == (True, 0)


async def test_a_successor_reads_the_export_that_was_begun_for_others_too(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, tmp_path: Path
):
    """Of collections alone there would be no lines below; in this file there are."""
    async with _shop(tmp_path, ALL_SCOPES) as (shopify, token):
        shops = InstalledShops()
        shops.by_tenant[tenant.id] = token
        await shopify.faults(SHOP, bulkDelay=2)
        async with working(engine, publisher, shopify, shops):
            while not await tenant.rows(_COLLECTIONS_BEGUN):
                await asyncio.sleep(0.02)
        assert await tenant.rows(_COLLECTIONS_FETCHED) == []
        await shopify.faults(SHOP)
        async with working(engine, publisher, shopify, shops):
            pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    assert await tenant.rows("SELECT id FROM store.collections") != []
    assert await tenant.rows("SELECT collection_id FROM store.collection_products") != []
