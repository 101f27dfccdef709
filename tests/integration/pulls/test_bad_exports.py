"""An export whose link dies, whose download is cut, that never ends or that Shopify will not begin
costs a pull time, and nothing else.
"""

from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls import exports
from services.ingestor.pulls.state import ENTITIES
from services.ingestor.shopify import bulk, queries
from tests.integration.messaging.queues import until
from tests.integration.pulls.simulated import InstalledShops, Simulator, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "bad.myshopify.com"
ORDERS = 90
_DUE = "UPDATE store.schedule SET due_at = now() RETURNING 1"
_FORGOTTEN = """UPDATE store.pull_entities
    SET checkpoint = jsonb_set(checkpoint, '{slices,0,operation_id}', '"gid://shopify/BulkOperation/1"')
    WHERE checkpoint->'slices'->0->>'operation_id' IS NOT NULL RETURNING entity"""
_ATTEMPTS = """SELECT entity, (checkpoint->'slices'->0->>'attempt')::int AS attempt
    FROM store.pull_entities WHERE entity IN ('customers', 'orders', 'products')"""


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "shop.csv", orders=ORDERS)
    async with simulator(tmp_path / "simulator", "--shop", f"{SHOP}={file}") as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator, tenant: PulledTenant) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[tenant.id] = await shopify.install(SHOP)
    return shops


async def _ends_true(tenant: PulledTenant, shopify: Simulator) -> None:
    pull = await tenant.until_ended()
    assert (pull["state"], pull["errors"]) == ("succeeded", [])
    assert all(each["done"] == each["expected"] for each in pull["entities"])
    truth, totals = await shopify.truth(SHOP), await tenant.totals()
    assert totals["total"] == totals["revenue"] == Decimal(truth["revenue"])
    assert totals["units"] == totals["product_units"] == truth["units"]
    assert {name: totals[name] for name in ENTITIES} == {name: truth[name] for name in ENTITIES}
    assert await tenant.differences() == []


async def _sales_begun_again(tenant: PulledTenant) -> bool:
    rows = await tenant.rows(_ATTEMPTS)
    return all((row["attempt"] or 1) > 1 for row in rows)


def _failures(logs: list[Any], event: str = "export_failed") -> Counter[tuple[str, str]]:
    """How often an export of each entity went wrong, and how."""
    told = [each for each in logs if each["event"] == event]
    return Counter((entity, each["code"]) for each in told for entity in each["entities"])


async def _operations(shopify: Simulator) -> list[dict[str, Any]]:
    """At Shopify, oldest first."""
    found = await shopify.ask("GET", f"shops/{SHOP}/operations")
    return list(found["operations"])


async def test_a_pull_whose_links_died_begins_other_exports_and_misses_nothing(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    await shopify.faults(SHOP, bulkDelay=2, bulkUrlSeconds=0)
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            await until(lambda: _sales_begun_again(tenant))
            await shopify.faults(SHOP)
            await _ends_true(tenant, shopify)
    failures = _failures(logs)
    assert all(failures[entity, "SHOPIFY_EXPORT_EXPIRED"] for entity in ENTITIES)


async def test_a_part_whose_link_died_is_done_without(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    """Of an export that Shopify broke off."""
    await shopify.faults(SHOP, bulkDelay=2, bulkBreaks=3, bulkUrlSeconds=0)
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            await until(lambda: _sales_begun_again(tenant))
            await shopify.faults(SHOP)
            await _ends_true(tenant, shopify)
    missed = _failures(logs, "part_not_fetched")
    assert all(missed[entity, "SHOPIFY_EXPORT_EXPIRED"] for entity in ENTITIES)


async def test_links_that_are_always_dead_end_the_pull_with_that_reason(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    await shopify.faults(SHOP, bulkUrlSeconds=0)
    async with working(engine, publisher, shopify, shops):
        pull = await tenant.until_ended()
    assert pull["state"] == "failed"
    assert {error["code"] for error in pull["errors"]} == {"SHOPIFY_EXPORT_EXPIRED"}
    assert {state for state, _ in (await tenant.entities()).values()} == {"failed"}


async def test_a_successor_whose_export_shopify_no_longer_has_begins_another(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    await shopify.faults(SHOP, bulkHangs=True)
    async with working(engine, publisher, shopify, shops):
        await until(lambda: _sales_have_operations(tenant))
    for each in await _operations(shopify):
        await shopify.admin(
            shops.by_tenant[tenant.id],
            queries.CANCEL_BULK,
            id=f"gid://shopify/BulkOperation/{each['id']}",
        )
    await shopify.faults(SHOP)
    forgotten = {row["entity"] for row in await tenant.rows(_FORGOTTEN)}
    assert forgotten >= set(ENTITIES)
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            await _ends_true(tenant, shopify)
    failures = _failures(logs)
    assert {failures[entity, "SHOPIFY_EXPORT_EXPIRED"] for entity in forgotten} == {1}


async def _sales_have_operations(tenant: PulledTenant) -> bool:
    operations = await tenant.operations()
    return all(found and all(found) for found in operations.values())


@pytest.mark.parametrize("place", ["start", "middle"])
async def test_a_download_that_is_cut_is_tried_again_and_no_export_is_begun_for_it(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(bulk._DOWNLOAD_WAIT, "max", 0.05)
    await shopify.faults(SHOP, cutDownloads=4, cutAt=place)
    with capture_logs() as logs:
        async with working(engine, publisher, shopify, shops):
            await _ends_true(tenant, shopify)
    assert (await shopify.ask("GET", f"shops/{SHOP}/faults"))["cutDownloads"] == 0
    assert {row["attempt"] for row in await tenant.rows(_ATTEMPTS)} == {None}
    assert not [each for each in logs if each["event"] in ("pull_postponed", "export_failed")]


async def test_downloads_that_are_always_cut_put_the_pull_off_and_cost_no_export(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(bulk._DOWNLOAD_WAIT, "max", 0.05)
    await shopify.faults(SHOP, cutDownloads=1_000)
    async with working(engine, publisher, shopify, shops):
        await until(lambda: _is_put_off(tenant, "SHOPIFY_UNAVAILABLE"))
        begun = await tenant.operations()
        await shopify.faults(SHOP)
        await tenant.rows(_DUE)
        await _ends_true(tenant, shopify)
    assert begun["customers"] != [None]
    used = await tenant.operations()
    assert {entity: used[entity] for entity in begun if all(begun[entity])} == {
        entity: found for entity, found in begun.items() if all(found)
    }


async def _is_put_off(tenant: PulledTenant, code: str) -> bool:
    pull = await tenant.pull()
    ended = pull["finishedAt"] is not None
    return not ended and [each["code"] for each in pull["errors"]] == [code]


async def test_an_export_that_never_ends_is_cancelled_and_another_is_begun(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(bulk, "_STUCK_AFTER_SECONDS", 3)
    await shopify.faults(SHOP, bulkHangs=True)
    async with working(engine, publisher, shopify, shops):
        await until(lambda: _sales_have_operations(tenant))
        hanging = await tenant.operations()
        await until(lambda: _sales_begun_again(tenant))
        # What was begun by now hangs too, and is cancelled in its turn.
        await shopify.faults(SHOP)
        await _ends_true(tenant, shopify)
    states = {
        f"gid://shopify/BulkOperation/{each['id']}": each["status"]
        for each in await _operations(shopify)
    }
    assert {states[first] for [first] in hanging.values()} == {"CANCELED"}
    used = await tenant.operations()
    assert {states[last] for [last] in used.values()} == {"COMPLETED"}
    assert set(states.values()) == {"CANCELED", "COMPLETED"}, "none runs on at Shopify"


async def test_while_shopify_begins_no_other_export_a_pull_waits_for_its_turn(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(exports, "_BUSY_PAUSE_SECONDS", 0.05)
    await shopify.faults(SHOP, bulkAtOnce=1, bulkDelay=0.2)
    async with working(engine, publisher, shopify, shops):
        await _ends_true(tenant, shopify)
    made = await _operations(shopify)
    assert len(made) > len(ENTITIES)
    for before, after in pairwise(made):
        assert before["completedAt"] <= after["createdAt"]


async def test_a_pull_that_waited_long_for_a_predecessors_export_is_put_off_and_goes_on(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(exports, "_BUSY_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(exports, "_BUSY_TRIES", 3)
    await shopify.faults(SHOP, bulkAtOnce=1, bulkHangs=True)
    token = shops.by_tenant[tenant.id]
    begun = await shopify.admin(token, queries.START_BULK, query=queries.BULK["customers"])
    predecessor = begun["bulkOperationRunQuery"]["bulkOperation"]["id"]
    await shopify.faults(SHOP, bulkAtOnce=1)
    async with working(engine, publisher, shopify, shops):
        await until(lambda: _is_put_off(tenant, "SHOPIFY_EXPORT_BUSY"))
        assert len(await _operations(shopify)) == 1
        monkeypatch.setattr(exports, "_BUSY_TRIES", 1_000)
        await tenant.rows(_DUE)
        await shopify.admin(token, queries.CANCEL_BULK, id=predecessor)
        await _ends_true(tenant, shopify)
    [first, *others] = await _operations(shopify)
    assert first["status"] == "CANCELED"
    assert {each["status"] for each in others} == {"COMPLETED"}
