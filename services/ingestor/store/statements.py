"""Pieces that the set-based statements share: arrays in, columns out, newest wins.

A statement is written once from lists of columns; nothing of a caller's ever enters its text.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

from libs.common.database.transaction import Transaction

Columns = Mapping[str, str]
"""Column to PostgreSQL type, in the order of the parameters."""

_SENT_AS = {"numeric": "text"}
"""The driver takes four times as long to send a Decimal as to send its text."""

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


async def run(tx: Transaction, statement: str, *arguments: Any) -> Sequence[Any]:
    """Run one statement with $1.. parameters and return its rows."""
    return (await tx.exec_driver_sql(statement, arguments)).all()
