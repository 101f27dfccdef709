"""The only module that commits. One request, message or batch is one transaction.

`tenants` is what row-level security lets the transaction see; without it, no tenant's rows.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.common.errors import DatabaseUnavailableError, TransientError

Transaction = AsyncConnection
"""An open transaction. Functions that take one never commit."""

_Result = TypeVar("_Result")
_SERIALIZATION_FAILURES = {"40001", "40P01"}
_UNAVAILABLE = ("08", "53", "57", "55P03")
"""SQLSTATE classes: connection exception, insufficient resources, operator intervention. And a wait
for a lock that the role's `lock_timeout` ended, as the driver's own timeout might have."""
_TRIES = 3

_SET_TENANTS = text("SELECT set_config('app.tenant_ids', :tenants, true)")


class ConcurrentWriteError(TransientError):
    """PostgreSQL ended the transaction for the sake of another one."""


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, *, tenants: Iterable[UUID] = ()
) -> AsyncIterator[Transaction]:
    """Begin; commit at the end of the block, roll back on any error.

    Raises DatabaseUnavailableError when PostgreSQL cannot be reached, and
    ConcurrentWriteError on a deadlock or a serialization failure.
    """
    try:
        async with engine.connect() as connection, connection.begin():
            if visible := sorted({str(tenant) for tenant in tenants}):
                await connection.execute(_SET_TENANTS, {"tenants": "{" + ",".join(visible) + "}"})
            yield connection
    except (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError) as error:
        _raise_typed(error)


def _raise_typed(error: Exception) -> None:
    state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    if state in _SERIALIZATION_FAILURES:
        raise ConcurrentWriteError("a concurrent write won") from error
    lost = isinstance(error, PoolTimeoutError | OSError | InterfaceError)
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or invalidated or state.startswith(_UNAVAILABLE):
        raise DatabaseUnavailableError("PostgreSQL does not answer") from error
    raise error


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
