"""Tries deliveries again that wait in `store.retries`, because the broker took none of them."""

import asyncio
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import TransientError
from libs.common.logs import get_logger
from libs.common.messaging.consumer import DELIVERIES
from libs.common.messaging.fates import Handle, Item
from libs.common.messaging.inbox import Inbox
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from libs.common.messaging.settling import Settler
from libs.common.messaging.topology import Lane
from services.ingestor.deliveries import retry_repository
from services.ingestor.deliveries.keeping import DeliveryKeeping

_LEASE: Final = timedelta(minutes=5)
_MAX_TENANTS: Final = 100
_MAX_RECORDS: Final = 500
_PAUSE_SECONDS: Final = 1.0

log = get_logger()


async def run_retries(
    engine: AsyncEngine,
    handle: Handle[DeliveryRecord],
    publisher: Publisher,
    keeper: DeliveryKeeping,
) -> None:
    """Until cancelled. A row goes when its delivery is settled: after a crash it is tried again."""
    settler = Settler(Lane.STORE.value, handle, DELIVERIES, publisher, keeper)
    while True:
        try:
            tried = await _try_due(engine, settler)
        except TransientError as error:
            log.warning("retries_not_read", code=error.code)
            tried = 0
        if not tried:
            await asyncio.sleep(_PAUSE_SECONDS)


async def _try_due(engine: AsyncEngine, settler: Settler[DeliveryRecord]) -> int:
    """How many deliveries were due."""
    async with transaction(engine) as tx:
        tenants = await retry_repository.claim(tx, lease=_LEASE, at_most=_MAX_TENANTS)
    if not tenants:
        return 0
    async with transaction(engine, tenants=tenants) as tx:
        due = await retry_repository.read_due(tx, tenants, _MAX_RECORDS)
    # Never ended: there is no connection that could be lost.
    await settler.settle([Item(retry.record, retry.attempt) for retry in due], Inbox())
    async with transaction(engine, tenants=tenants) as tx:
        await retry_repository.finish(tx, tenants, due)
    if due:
        log.info("retries_settled", deliveries=len(due))
    return len(due)
