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
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.common.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    PlatformError,
    RecordRefusedError,
    TransientError,
)

Transaction = AsyncConnection
"""An open transaction. Functions that take one never commit."""

DRIVER_ERRORS = (
    DBAPIError,
    PoolTimeoutError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What PostgreSQL, its driver, the pool and the network raise."""

_Result = TypeVar("_Result")
_TRIES = 3

_SERIALIZATION_FAILURES = {"40001", "40P01"}
_LOCK_TIMEOUT = "55P03"
_TIMEOUTS = {_LOCK_TIMEOUT, "57014"}
_READ_ONLY = "25006"
_DATA_EXCEPTION = "22"
_WRONG_SETTING = "22023"
"""invalid_parameter_value, as of a time zone that the server does not know."""
_FOREIGN_KEY = "23503"
_UNIQUE = "23505"
_NAMING_VIOLATIONS = {"23502", _UNIQUE, "23514"}
"""Not null, unique, check. A check without a name is a row that no partition takes."""

_SET_TENANTS = text("SELECT set_config('app.tenant_ids', :tenants, true)")


class ConcurrentWriteError(TransientError):
    """PostgreSQL ended the transaction for the sake of another one."""


class ReferenceMissingError(DatabaseUnavailableError):
    """A row that is referred to is not there, perhaps not yet."""


class DuplicateError(RecordRefusedError):
    """Another row has this key."""


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, *, tenants: Iterable[UUID] = ()
) -> AsyncIterator[Transaction]:
    """Begin; commit at the end of the block, roll back on any error.

    Raises ConcurrentWriteError on a deadlock or a serialization failure, RecordRefusedError for a
    value that PostgreSQL or its driver refuses for what it is, DatabaseTimeoutError for a
    statement or a wait that took too long, and DatabaseUnavailableError for everything else that
    the database says: only what is proven to be a record's fault is a record's fault.
    """
    connected = False
    try:
        async with engine.connect() as connection:
            try:
                async with connection.begin():
                    connected = True
                    if visible := sorted({str(tenant) for tenant in tenants}):
                        await connection.execute(
                            _SET_TENANTS, {"tenants": "{" + ",".join(visible) + "}"}
                        )
                    yield connection
            except DRIVER_ERRORS as error:
                await _heal(engine, connection, error)
                raise
    except DRIVER_ERRORS as error:
        typed = _typed(error, connected=connected)
        # The driver's own message may hold the value that it refuses.
        raise typed from None if isinstance(typed, RecordRefusedError) else error


async def _heal(engine: AsyncEngine, connection: AsyncConnection, error: Exception) -> None:
    """Have the next transaction begin on a connection that this trouble is not in."""
    if not _is_not_well(_typed(error, connected=True)) or connection.closed:
        return
    await connection.invalidate()
    if _sqlstate(error) == _READ_ONLY:
        # After a failover the name leads to another server, and the whole pool to the old one.
        await engine.dispose()


def _is_not_well(typed: PlatformError) -> bool:
    expected = DatabaseTimeoutError | ReferenceMissingError
    return isinstance(typed, DatabaseUnavailableError) and not isinstance(typed, expected)


def _sqlstate(error: Exception) -> str:
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""


def _typed(error: Exception, *, connected: bool) -> PlatformError:
    state = _sqlstate(error)
    if state in _SERIALIZATION_FAILURES:
        return ConcurrentWriteError("a concurrent write won")
    if state in _TIMEOUTS or (connected and isinstance(error, TimeoutError)):
        waited = state == _LOCK_TIMEOUT
        return DatabaseTimeoutError("PostgreSQL took too long", waited_for_lock=waited)
    if state == _FOREIGN_KEY:
        return ReferenceMissingError("a row that another refers to is not there", sqlstate=state)
    name = _violated(error)
    if state.startswith(_DATA_EXCEPTION) and state != _WRONG_SETTING:
        return RecordRefusedError("The database refuses a value.", reason=f"refused_{state}")
    if state in _NAMING_VIOLATIONS and name:
        kind = DuplicateError if state == _UNIQUE else RecordRefusedError
        return kind("The database refuses a value.", reason=f"refused_{state}_{name}")
    return DatabaseUnavailableError(
        "PostgreSQL does not answer as it should", sqlstate=state or None
    )


def _violated(error: Exception) -> str | None:
    """The constraint, or the column, that the driver's error names."""
    told = getattr(error, "orig", error)
    cause = told if isinstance(told, asyncpg.PostgresError) else told.__cause__
    return getattr(cause, "constraint_name", None) or getattr(cause, "column_name", None)


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
