"""What the life of a tenant means for its pulls. Applying an event again changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from libs.common.events.contracts import TenantConnected, TenantDisconnected
from libs.common.logs import get_logger
from services.ingestor.pulls.queue import (
    DISCONNECTED,
    RECONNECT,
    queue_backfill,
    stop_pulls,
)

log = get_logger()

Handler = Callable[[Any], Awaitable[None]]


def tenant_handlers(engine: AsyncEngine, wake: Callable[[], None]) -> dict[type[Any], Handler]:
    """A handler for each event. `wake` is called once there is something to pull."""

    async def connected(event: TenantConnected) -> None:
        async def work(tx: Transaction) -> bool:
            return await queue_backfill(tx, event.tenant_id, event.event_id, event.occurred_at)

        if await in_transaction(engine, work, tenants=[event.tenant_id]):
            log.info("backfill_queued", tenant_id=str(event.tenant_id))
            wake()

    async def gone(event: TenantDisconnected) -> None:
        why = RECONNECT if event.reason == "reconnect_required" else DISCONNECTED

        async def work(tx: Transaction) -> None:
            await stop_pulls(tx, event.tenant_id, event.occurred_at, why)

        await in_transaction(engine, work, tenants=[event.tenant_id])

    return {TenantConnected: connected, TenantDisconnected: gone}
