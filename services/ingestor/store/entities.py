"""Customers, products and the further entities: objects that stand alone, written alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.facts import Entity
from services.ingestor.store.folding import Key, Newest
from services.ingestor.store.rollups import ENTITY_COUNTS, count_images
from services.ingestor.store.statements import (
    NEWER,
    Columns,
    Given,
    arrays,
    column_arrays,
    differs,
    names,
    taken,
    with_parts,
)

_VERSION = {
    "updated_at": "timestamptz",
    "observed_at": "timestamptz",
    "pulled_at": "timestamptz",
}
_SEEN = ("updated_at", "observed_at")
_CHANGED = """SELECT tenant_id, count(*) AS written, bool_or(changed) AS changed
    FROM written GROUP BY tenant_id"""


@dataclass(frozen=True, slots=True)
class EntityStatements:
    upsert: Given
    touch: str
    columns: Columns
    fields: Sequence[str]


def entity_statements(
    entity: Entity,
    data: Columns,
    take: Callable[[Iterable[str]], str] = taken,
    key: Sequence[str] = ("id",),
    newer: str = NEWER,
) -> EntityStatements:
    """The statements of table `entity`: `key` are bigints, `data` all else but the version."""
    keyed = names(("tenant_id", *key))
    columns = {"tenant_id": "uuid", **dict.fromkeys(key, "bigint"), **data, **_VERSION}

    def upsert(rows: str) -> str:
        taking = f"{take((*data, *_SEEN))}, deleted_at = NULL,"
        return with_parts(
            "\n".join(
                (
                    f"written AS (INSERT INTO store.{entity} AS held ({names(columns)})",
                    f"SELECT {names(columns)}",
                    f"FROM {rows} ORDER BY {keyed}",
                    f"ON CONFLICT ({keyed}) DO UPDATE SET {taking}",
                    "pulled_at = greatest(held.pulled_at, excluded.pulled_at)",
                    f"WHERE {newer}",
                    "RETURNING new.tenant_id,",
                    "old.tenant_id IS NULL OR old.deleted_at IS NOT NULL AS appeared,",
                    "old.tenant_id IS NULL OR",
                    f"{differs((*data, 'deleted_at'), 'old.', 'new.')} AS changed)",
                )
            ),
            count_images(entity, 1, "appeared"),
            ENTITY_COUNTS,
            answer=_CHANGED,
        )

    fields = (*key, *data, "updated_at")
    given = Given(entity, columns, upsert)
    return EntityStatements(given, touch_statement(entity, key=key), columns, fields)


def touch_statement(
    entity: Entity, also: str = "", value: str = "", key: Sequence[str] = ("id",)
) -> str:
    """Raises pulled_at of objects that a pull saw again without news of them.

    They are all there, so nothing is inserted: ON CONFLICT finds rows by their key whatever the
    statistics say, where the join of an UPDATE reads a fresh table once a row.
    """
    given = arrays(
        {"tenant_id": "uuid", **dict.fromkeys(key, "bigint"), "pulled_at": "timestamptz"}
    )
    keyed = names(("tenant_id", *key))
    alive = "held.deleted_at IS NULL"
    return "\n".join(
        (
            f"INSERT INTO store.{entity} AS held",
            f"({keyed}, pulled_at, updated_at, observed_at, deleted_at{also})",
            f"SELECT {keyed}, pulled_at, '-infinity', '-infinity', pulled_at{value}",
            f"FROM {given} ORDER BY {keyed}",
            f"ON CONFLICT ({keyed}) DO UPDATE SET pulled_at = excluded.pulled_at",
            f"WHERE {alive} AND (held.pulled_at IS NULL OR held.pulled_at < excluded.pulled_at)",
        )
    )


_PERSON = ("email", "first_name", "last_name")


def _taken_of_customers(columns: Iterable[str]) -> str:
    """As `taken`, but who was redacted stays without a name, whatever a copy says."""
    return ", ".join(
        f"{column} = CASE WHEN held.redacted_at IS NULL THEN excluded.{column} END"
        if column in _PERSON
        else f"{column} = excluded.{column}"
        for column in columns
    )


CUSTOMERS = entity_statements(
    "customers",
    {
        "email": "text",
        "first_name": "text",
        "last_name": "text",
        "created_at": "timestamptz",
    },
    _taken_of_customers,
)
PRODUCTS = entity_statements(
    "products",
    {
        "title": "text",
        "handle": "text",
        "vendor": "text",
        "status": "text",
        "price": "numeric",
        "created_at": "timestamptz",
    },
)


async def write_entities(
    tx: Transaction, statements: EntityStatements, newest: Newest[Any]
) -> set[UUID]:
    """Returns the tenants whose data changed."""
    if not newest.copies:
        return set()
    keys = list(newest.copies)
    facts, observed = zip(*newest.copies.values(), strict=True)
    rows = await statements.upsert.run(
        tx,
        [key[0] for key in keys],
        *column_arrays(statements.columns, statements.fields, facts),
        observed,
        [newest.pulled.get(key) for key in keys],
    )
    if sum(row.written for row in rows) < len(keys):
        await touch(tx, statements.touch, newest.pulled)
    return {row.tenant_id for row in rows if row.changed}


async def touch(tx: Transaction, statement: str, pulled: Mapping[Key, Any]) -> None:
    if pulled:
        keys = zip(*pulled, strict=True)
        await tx.exec_driver_sql(statement, (*keys, list(pulled.values())))
