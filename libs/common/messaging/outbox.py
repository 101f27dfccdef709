"""Relays events from an outbox table: what was committed is published, and nothing else.

A row goes away after its confirm, so an event may arrive twice but is never missed.
"""

import asyncio

import orjson
from sqlalchemy import Table, delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import BrokerUnavailableError, TransientError
from libs.common.logs import get_logger
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS

_BATCH = 50
_IDLE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10

log = get_logger()


async def relay_outbox(
    engine: AsyncEngine,
    table: Table,
    publisher: Publisher,
    *,
    exchange: str = EVENTS,
    wake: asyncio.Event | None = None,
) -> None:
    """Publish rows of `table` (id, type, body) oldest first, for ever.

    Setting `wake` after a commit spares the row the wait for the next look. Several relays of one
    table do not disturb each other; an outage of the broker or the database is waited out.
    """
    signal = wake or asyncio.Event()
    pause = _IDLE_SECONDS
    while True:
        try:
            relayed = await _relay_batch(engine, table, publisher, exchange)
        except TransientError as error:
            log.warning("outbox_waits", code=error.code, reason=error.message)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            continue
        pause = _IDLE_SECONDS
        if relayed:
            log.info("outbox_relayed", events=relayed)
        else:
            await _idle(signal)


async def _idle(signal: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_IDLE_SECONDS):
            await signal.wait()
    except TimeoutError:
        return
    signal.clear()


async def _relay_batch(
    engine: AsyncEngine, table: Table, publisher: Publisher, exchange: str
) -> int:
    oldest = (
        select(table.c.id, table.c.type, table.c.body)
        .order_by(table.c.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    published: list[int] = []
    failure: BrokerUnavailableError | None = None
    async with transaction(engine) as tx:
        for row in await tx.execute(oldest):
            try:
                await publisher.publish(exchange, row.type, orjson.dumps(row.body))
            except BrokerUnavailableError as error:
                failure = error
                break
            published.append(row.id)
        if published:
            await tx.execute(delete(table).where(table.c.id.in_(published)))
    if failure is not None:
        raise failure
    return len(published)
