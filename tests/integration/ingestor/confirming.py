"""Works off the deletions and the tasks that wait, as the role of the pulls does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import httpx
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import ReconnectRequiredError
from libs.common.messaging.publisher import Publisher
from services.ingestor.deletions.worker import DeletionChecks
from services.ingestor.privacy.requests import disclose_person, redact_letters
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.tokens import AccessToken, ShopToken
from services.ingestor.shopify.transport import AdminApi
from services.ingestor.tasks.repository import TaskKind
from services.ingestor.tasks.worker import TaskWorker

_TASKS_LEFT = text("SELECT count(*) FROM store.tasks")
_TURNS_LEFT = text("SELECT count(*) FROM store.deletion_turns WHERE due_at IS NOT NULL")


async def _no_token(_tenant_id: UUID, _refused: AccessToken | None = None, /) -> AccessToken:
    raise ReconnectRequiredError("The shop must be connected again.")


@asynccontextmanager
async def confirming(
    engine: AsyncEngine, publisher: Publisher, client_of: Callable[[UUID], ShopifyClient]
) -> AsyncIterator[None]:
    """A worker that asks, for as long as the block lasts."""
    running = asyncio.create_task(DeletionChecks(engine, publisher, client_of).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def answering(engine: AsyncEngine) -> AsyncIterator[None]:
    """A worker that answers what is asked about persons, for as long as the block lasts."""
    handlers = {
        TaskKind.DATA_REQUEST: partial(disclose_person, engine=engine),
        TaskKind.REDACTION: partial(redact_letters, engine=engine),
    }
    running = asyncio.create_task(TaskWorker(engine, handlers, limit=2, poll_seconds=0.02).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def work_off(engine: AsyncEngine, publisher: Publisher, *, with_tasks: bool = True) -> None:
    """Until nothing waits; the shops are disconnected, so that nobody can be asked."""
    async with httpx.AsyncClient(trust_env=False) as http:
        api = AdminApi("http://127.0.0.1:1/{shop}", "2026-10")

        def client_of(tenant_id: UUID) -> ShopifyClient:
            return ShopifyClient(http, api, ShopToken(tenant_id, _no_token))

        async with confirming(engine, publisher, client_of), asyncio.timeout(30):
            while await _left(engine, _TURNS_LEFT):
                await asyncio.sleep(0.02)
    if with_tasks:
        await answer_all(engine)


async def answer_all(engine: AsyncEngine) -> None:
    """Until no task waits."""
    async with answering(engine), asyncio.timeout(30):
        while await _left(engine, _TASKS_LEFT):
            await asyncio.sleep(0.02)


async def _left(engine: AsyncEngine, query: TextClause) -> int:
    async with transaction(engine) as tx:
        return int(await tx.scalar(query) or 0)
