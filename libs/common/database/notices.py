"""Short texts from one process to others, by PostgreSQL's NOTIFY: hints, for a lost one is lost."""

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.failures import FAILURES, typed
from libs.common.database.transaction import Transaction
from libs.common.logs import get_logger

_PAUSE_SECONDS = 1.0
_SECONDS_BETWEEN_CHECKS = 60.0

_NOTIFY = text("SELECT pg_notify(:channel, :notice)")

log = get_logger()


async def notify(tx: Transaction, channel: str, notice: str) -> None:
    """Say `notice`, of 7,999 bytes at most, to whoever listens once `tx` is committed."""
    await tx.execute(_NOTIFY, {"channel": channel, "notice": notice})


async def listen(engine: AsyncEngine, channel: str, hear: Callable[[str], None]) -> None:
    """Call `hear` with every notice, until cancelled; a lost connection is followed by another."""
    while True:
        try:
            await _listen(engine, channel, hear)
        except FAILURES as error:
            log.warning("notices_not_heard", channel=channel, reason=typed(error).message)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _listen(engine: AsyncEngine, channel: str, hear: Callable[[str], None]) -> None:
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        # For as long as the process lives: it must not take a place in the pool.
        await connection.run_sync(Connection.detach)
        lost = asyncio.Event()
        driver.add_termination_listener(lambda _driver: lost.set())
        await driver.add_listener(channel, lambda *told: hear(told[-1]))
        log.info("listening", channel=channel)
        while not lost.is_set():
            await _at_most(_SECONDS_BETWEEN_CHECKS, lost)
            # A connection that something on the way has dropped shows when it is used.
            await driver.execute("SELECT 1")


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
