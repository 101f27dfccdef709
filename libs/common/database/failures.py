"""What an error of PostgreSQL, of its driver or of SQLAlchemy means: one of our own errors.

What proves to be a record's own fault is a list; all else is a database that is not well.
"""

import struct
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from libs.common.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    PlatformError,
    RecordRefusedError,
    TransientError,
)

FAILURES: Final = (
    StatementError,
    PoolTimeoutError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What may come out of the use of a connection. A driver's time-out is an OSError as well."""

VALUE_ERRORS: Final = (ValueError, TypeError, ArithmeticError, struct.error)
"""What the driver raises for a value that it cannot send as the column's type."""

_SERIALIZATION_FAILURES = {"40001", "40P01"}
_LOCK_TIMEOUT = "55P03"
_TIMEOUTS = {_LOCK_TIMEOUT, "57014"}
_FOREIGN_KEY = "23503"
_DATA_EXCEPTION = "22"
_INVALID_PARAMETER = "22023"
"""Of class 22, but it speaks of a setting or a time zone that the server does not know."""
_REFUSED_WITH_A_NAME = {"23502", "23505", "23514"}
"""A row without a partition is 23514 as well; it names no constraint."""


class ConcurrentWriteError(TransientError):
    """PostgreSQL ended the transaction for the sake of another one."""


class ReferenceMissingError(DatabaseUnavailableError):
    """A foreign key: what the row refers to is not there. `context["constraint"]` names the key."""


def typed(error: Exception) -> PlatformError:
    """`error`, one of `FAILURES`, as our own. Raise it `from None`: the cause may show values."""
    cause = _cause(error)
    state = str(getattr(cause, "sqlstate", None) or "")
    if state in _SERIALIZATION_FAILURES:
        return ConcurrentWriteError("a concurrent write won")
    if state in _TIMEOUTS:
        return DatabaseTimeoutError(
            "PostgreSQL took too long",
            waited_for_lock=state == _LOCK_TIMEOUT,
            reason=f"sqlstate_{state}",
        )
    name = getattr(cause, "constraint_name", None)
    if state == _FOREIGN_KEY:
        return ReferenceMissingError("what a row refers to is not there", constraint=name)
    if (reason := _refusal(cause, state)) is not None:
        return refused(reason)
    if not state:
        return DatabaseUnavailableError("PostgreSQL does not answer", reason=type(cause).__name__)
    return DatabaseUnavailableError(
        f"PostgreSQL is not well (SQLSTATE {state})", reason=f"sqlstate_{state}"
    )


def refused(reason: str) -> RecordRefusedError:
    return RecordRefusedError("The database cannot store a value that was given.", reason=reason)


def is_timeout(error: Exception) -> bool:
    """Whether the driver's own clock ended a statement: of the connection it says nothing."""
    return isinstance(error, TimeoutError)


def _cause(error: Exception) -> Any:
    """The driver's own error, which knows more than what SQLAlchemy has made of it."""
    if not isinstance(error, StatementError) or error.orig is None:
        return error
    return (error.orig.__cause__ or error.orig) if isinstance(error, DBAPIError) else error.orig


def _refusal(cause: Any, state: str) -> str | None:
    """Why the record is to blame, without any value; None when it is not."""
    if isinstance(cause, VALUE_ERRORS):
        return f"value_{type(cause).__name__}"
    if state == _INVALID_PARAMETER:
        return None
    if state.startswith(_DATA_EXCEPTION):
        return f"sqlstate_{state}"
    if state in _REFUSED_WITH_A_NAME:
        name = cause.constraint_name or cause.column_name
        return f"sqlstate_{state} {cause.table_name or ''}.{name}" if name else None
    return None
