"""Pieces that the set-based statements share: arrays in, columns out, newest wins.

A statement is written once from lists of columns; nothing of a caller's ever enters its text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

from libs.common.database.failures import VALUE_ERRORS, refused
from libs.common.database.transaction import Transaction

Columns = Mapping[str, str]
"""Column to PostgreSQL type, in the order of the parameters."""

_SENT_AS = {"numeric": "text"}
"""The driver takes four times as long to send a Decimal as to send its text."""

_COPIED_AS = {**_SENT_AS, "timestamptz": "bigint"}
"""A datetime takes fifteen times as long to copy as its microseconds since 1970."""

_READ_AS = {"timestamptz": "'epoch'::timestamptz + {} * interval '1 microsecond'"}
"""How a copied column becomes what it was; a cast, where nothing is said."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_COPIED_FROM = 250
"""Rows that are quicker to copy than to send as arrays, in spite of two more round trips."""

NEWER = """CASE WHEN held.deleted_at IS NULL
    THEN (excluded.updated_at, excluded.observed_at) > (held.updated_at, held.observed_at)
    ELSE excluded.pulled_at > held.deleted_at END"""
"""When an upsert may overwrite `held`. Only a pull that saw the object later lifts a tombstone."""


def names(columns: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{column}" for column in columns)


def arrays(columns: Columns, alias: str = "given", *, first: int = 1) -> str:
    """The parameters from `first` on, one array a column, as rows called `alias`."""
    parameters = ", ".join(
        f"${n}::{_SENT_AS.get(kind, kind)}[]::{kind}[]"
        for n, kind in enumerate(columns.values(), first)
    )
    return f"unnest({parameters}) AS {alias}({names(columns)})"


def given(columns: Columns) -> str:
    """The parameters as the common table expression `given`."""
    return "\n".join(("given AS (SELECT * FROM", arrays(columns), ")"))


def taken(columns: Iterable[str]) -> str:
    """The SET list that takes every one of `columns` from the row that came."""
    return ", ".join(f"{column} = excluded.{column}" for column in columns)


def differs(columns: Iterable[str], left: str, right: str) -> str:
    compared = tuple(columns)
    return f"({names(compared, left)}) IS DISTINCT FROM ({names(compared, right)})"


def with_parts(*parts: str, answer: str) -> str:
    """One statement: `parts` are its common table expressions, `answer` what it returns."""
    return "WITH " + ",\n".join(parts) + "\n" + answer


def column_arrays(columns: Columns, fields: Sequence[str], facts: Sequence[Any]) -> list[Any]:
    """One array for each of `fields`, attributes of `facts`.

    Column by column: a tuple for each fact would keep the garbage collector busy.
    """
    return [
        amount_texts(map(attrgetter(name), facts))
        if columns[name] == "numeric"
        else list(map(attrgetter(name), facts))
        for name in fields
    ]


def amount_texts(amounts: Iterable[Decimal | None]) -> list[str | None]:
    return [None if amount is None else str(amount) for amount in amounts]


def _microseconds(moments: Iterable[datetime | None]) -> Iterator[int | None]:
    """Since 1970. Many rows in succession have the very same moment."""
    before, found = None, None
    for moment in moments:
        if moment is not before:
            before = moment
            found = None if moment is None else (moment - _EPOCH) // _MICROSECOND
        yield found


class Given:
    """A statement that reads the rows a caller gives, one array a column.

    Many rows are copied into a temporary table of the connection, empty again at the commit: an
    array costs the driver four times, and PostgreSQL almost twice, what a copied column does.
    """

    def __init__(self, name: str, columns: Columns, statement: Callable[[str], str]) -> None:
        """`statement` makes its text around what follows FROM: the rows, called `given`."""
        table = f"given_{name}"
        declared = ", ".join(
            f"{column} {_COPIED_AS.get(kind, kind)}" for column, kind in columns.items()
        )
        read = ", ".join(
            f"{_READ_AS.get(kind, '{}::' + kind).format(column)} AS {column}"
            for column, kind in columns.items()
        )
        self._table = table
        self._columns = columns
        self._create = f"CREATE TEMP TABLE IF NOT EXISTS {table} ({declared}) ON COMMIT DELETE ROWS"
        self._few = statement(arrays(columns))
        self._many = statement(f"(SELECT {read} FROM pg_temp.{table}) AS given")  # noqa: S608

    async def run(self, tx: Transaction, *values: Sequence[Any]) -> Sequence[Any]:
        """At most once in a transaction."""
        if len(values[0]) < _COPIED_FROM:
            return await run(tx, self._few, *values)
        await tx.exec_driver_sql(self._create)
        connection: Any = (await tx.get_raw_connection()).driver_connection
        try:
            await connection.copy_records_to_table(
                self._table,
                schema_name="pg_temp",
                columns=tuple(self._columns),
                records=zip(*map(_copied, self._columns.values(), values), strict=True),
            )
        except VALUE_ERRORS as error:
            # The driver wraps what it cannot send as a parameter, but not what it cannot copy.
            raise refused(f"value_{type(error).__name__}") from None
        return await run(tx, self._many)


def _copied(kind: str, values: Sequence[Any]) -> Iterable[Any]:
    return _microseconds(values) if kind == "timestamptz" else values


async def run(tx: Transaction, statement: str, *arguments: Any) -> Sequence[Any]:
    """Run one statement with $1.. parameters and return its rows."""
    return (await tx.exec_driver_sql(statement, arguments)).all()
