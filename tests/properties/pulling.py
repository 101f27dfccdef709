"""A simulated Shopify with a few small shops, and workers that pull from it for one example."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.ids import new_id
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.queue import queue_backfill
from services.ingestor.pulls.worker import PullWorker, ShopifyAccess
from services.ingestor.shopify.tokens import TokenSource
from services.ingestor.shopify.transport import AdminApi
from tests.integration.pulls.simulated import Simulator, simulator, write_shop
from tests.properties.store import Store

WEBHOOKS = "http://127.0.0.1:9"
SIZES = {"tiny.myshopify.com": 1, "small.myshopify.com": 12, "busy.myshopify.com": 40}
"""Shop to its number of orders."""


@asynccontextmanager
async def small_shops(folder: Path) -> AsyncIterator[Simulator]:
    arguments: list[str] = []
    for shop, orders in SIZES.items():
        file = write_shop(folder / f"{shop}.csv", orders=orders)
        arguments += ["--shop", f"{shop}={file},currency=EUR,zone=Europe/London"]
    async with simulator(folder / "simulator", *arguments) as running:
        yield running


async def ask_for_pulls(store: Store, tenants: Sequence[UUID]) -> None:
    """Each of `tenants`, and nobody else, is due for its first pull."""
    await store.owner.execute("DELETE FROM store.schedule")
    for tenant in tenants:
        async with transaction(store.engine, tenants=[tenant]) as tx:
            assert await queue_backfill(tx, tenant, new_id(), utc_now())


async def pull_until(
    store: Store,
    publisher: Publisher,
    api: AdminApi,
    tokens: TokenSource,
    done: Callable[[], Awaitable[bool]],
    *,
    slots: int = 4,
) -> None:
    """Let a worker pull whatever is due until `done`. Fails when that does not come."""
    access = ShopifyAccess(api, tokens, WEBHOOKS)
    worker = PullWorker(store.engine, publisher, access, slots=slots)
    working = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(60):
            while not await done():
                await asyncio.sleep(0.01)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
