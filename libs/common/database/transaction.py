"""The only module that commits. One request, message or batch is one transaction.

`tenants` is what row-level security lets the transaction see; without it, no tenant's rows.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.common.database.failures import FAILURES, ConcurrentWriteError, is_timeout, typed
from libs.common.errors import DatabaseTimeoutError, DatabaseUnavailableError, PlatformError

Transaction = AsyncConnection
"""An open transaction. Functions that take one never commit."""

_Result = TypeVar("_Result")
_TRIES = 3
_PROBE_SECONDS = 5.0

_SET_TENANTS = text("SELECT set_config('app.tenant_ids', :tenants, true)")
_PROBE = text("SELECT 1")


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, *, tenants: Iterable[UUID] = ()
) -> AsyncIterator[Transaction]:
    """Begin; commit at the end of the block, roll back on any error.

    Raises RecordRefusedError for a value or row that PostgreSQL or its driver refuses,
    ConcurrentWriteError on a deadlock or a serialization failure, DatabaseTimeoutError when a
    statement took too long on a connection that works, and DatabaseUnavailableError for all else:
    then the connection is not used again.
    """
    try:
        async with engine.connect() as connection:
            try:
                async with connection.begin():
                    if visible := sorted({str(tenant) for tenant in tenants}):
                        given = {"tenants": "{" + ",".join(visible) + "}"}
                        await connection.execute(_SET_TENANTS, given)
                    yield connection
            except FAILURES as error:
                raise await _told(error, connection) from None
    except FAILURES as error:
        raise typed(error) from None


async def _told(error: Exception, connection: AsyncConnection) -> PlatformError:
    """Never with its cause, whose text shows the values of a statement or row."""
    if is_timeout(error) and await _works(connection):
        return DatabaseTimeoutError("PostgreSQL took too long", reason="statement_timeout")
    found = typed(error)
    if type(found) is DatabaseUnavailableError and not connection.closed:
        await connection.invalidate()
    return found


async def _works(connection: AsyncConnection) -> bool:
    """Whether a connection whose transaction has ended still answers."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await connection.execute(_PROBE)
            await connection.rollback()
    except FAILURES:
        return False
    return True


async def in_transaction(
    engine: AsyncEngine,
    work: Callable[[Transaction], Awaitable[_Result]],
    *,
    tenants: Iterable[UUID] = (),
) -> _Result:
    """Run `work` in a transaction; again, up to three times in all, when a concurrent write won.

    `work` must hold no effects outside the transaction.
    """
    visible = tuple(tenants)
    for attempt in range(1, _TRIES):
        try:
            async with transaction(engine, tenants=visible) as tx:
                return await work(tx)
        except ConcurrentWriteError:
            await asyncio.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - jitter
    async with transaction(engine, tenants=visible) as tx:
        return await work(tx)
