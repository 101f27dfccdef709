"""One tenant of a test: what is due for it, and what became of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.ids import new_id
from libs.common.messaging.publisher import Publisher
from services.ingestor.export_ends import ExportEnds
from services.ingestor.pulls.queue import queue_backfill
from services.ingestor.pulls.worker import PullWorker, ShopifyAccess
from services.ingestor.shopify.tokens import TokenSource
from services.ingestor.status import current_pull
from services.ingestor.store.audit import recompute_differences
from tests.databases import Database
from tests.factories import connected_tenant
from tests.integration.pulls.simulated import Simulator

WEBHOOKS = "http://127.0.0.1:9"
_ENDED = {"succeeded", "failed", "mismatch"}
_TOTALS = """
SELECT (SELECT count(*) FROM store.orders WHERE deleted_at IS NULL) AS orders,
    (SELECT count(*) FROM store.customers WHERE deleted_at IS NULL) AS customers,
    (SELECT count(*) FROM store.products WHERE deleted_at IS NULL) AS products,
    (SELECT count(*) FROM store.order_lines) AS lines,
    (SELECT sum(total) FROM store.orders) AS total,
    (SELECT sum(revenue) FROM store.daily_sales) AS revenue,
    (SELECT sum(units) FROM store.daily_sales) AS units,
    (SELECT sum(units) FROM store.product_sales) AS product_units
"""


async def connected(database: Database) -> UUID:
    """A tenant that oauth knows."""
    owner = await asyncpg.connect(database.url)
    tenant_id = await connected_tenant(owner)
    await owner.close()
    return tenant_id


class PulledTenant:
    def __init__(self, engine: AsyncEngine, tenant_id: UUID) -> None:
        self.engine = engine
        self.id = tenant_id

    async def queue(self) -> UUID:
        pull_id = new_id()
        async with transaction(self.engine, tenants=[self.id]) as tx:
            assert await queue_backfill(tx, self.id, pull_id, utc_now())
        return pull_id

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with transaction(self.engine, tenants=[self.id]) as tx:
            return [dict(row._mapping) for row in await tx.execute(text(query))]

    async def differences(self) -> list[str]:
        """What is computed from the facts and is not what they say."""
        async with transaction(self.engine, tenants=[self.id]) as tx:
            return await recompute_differences(tx, self.id)

    async def totals(self) -> dict[str, Any]:
        [row] = await self.rows(_TOTALS)
        return row

    async def pull(self) -> dict[str, Any]:
        async with transaction(self.engine, tenants=[self.id]) as tx:
            pull = await current_pull(tx, self.id)
        assert pull is not None
        return pull

    async def entities(self) -> dict[str, tuple[str, int]]:
        pull = await self.pull()
        return {each["entity"]: (each["state"], each["done"]) for each in pull["entities"]}

    async def operations(self) -> dict[str, Any]:
        """Of customers, orders and products; none of what is not planned yet."""
        rows = await self.rows(
            "SELECT entity, checkpoint FROM store.pull_entities"
            " WHERE entity IN ('customers', 'orders', 'products')"
        )
        return {
            row["entity"]: [
                each.get("operation_id") for each in row["checkpoint"].get("slices", ())
            ]
            for row in rows
        }

    async def until_ended(self) -> dict[str, Any]:
        async with asyncio.timeout(120):
            while (pull := await self.pull())["state"] not in _ENDED:
                await asyncio.sleep(0.05)
        return pull

    async def until_confirmed(self) -> None:
        """A worker has asked Shopify about every deletion, and none was still there."""
        async with asyncio.timeout(120):
            while await self.rows("SELECT 1 FROM store.deletion_checks"):
                await asyncio.sleep(0.02)

    async def next_pull(self) -> dict[str, Any]:
        """Let the schedule's next pull be due, and wait for its end."""
        before = await self._newest()
        await self.rows("UPDATE store.schedule SET due_at = now() RETURNING 1")
        async with asyncio.timeout(120):
            while (pull := await self._newest())["id"] == before["id"] or (
                pull["state"] not in _ENDED
            ):
                await asyncio.sleep(0.05)
        return pull

    async def until_last(self, scope: str) -> dict[str, Any]:
        """The newest pull, once it is one of `scope` and has ended."""
        async with asyncio.timeout(120):
            while (pull := await self._newest())["scope"] != scope or pull["state"] not in _ENDED:
                await asyncio.sleep(0.05)
        return pull

    async def _newest(self) -> dict[str, Any]:
        [pull] = await self.rows("SELECT * FROM store.pulls ORDER BY requested_at DESC LIMIT 1")
        return pull

    async def until_importing_orders(self) -> int:
        """How many orders are applied, as soon as any is."""
        async with asyncio.timeout(120):
            while not (done := (await self.entities())["orders"][1]):
                await asyncio.sleep(0.01)
        return done


@asynccontextmanager
async def working(
    engine: AsyncEngine,
    publisher: Publisher,
    simulator: Simulator,
    tokens: TokenSource,
    *,
    webhooks_url: str = WEBHOOKS,
    slots: int = 4,
    export_ends: ExportEnds | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that pulls, for as long as the block lasts."""
    access = ShopifyAccess(simulator.api, tokens, webhooks_url)
    worker = PullWorker(engine, publisher, access, slots=slots, export_ends=export_ends)
    running = asyncio.create_task(worker.run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
