"""The file of all that is held on one person: the customer, the orders, draft orders and
checkouts, what was set aside.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from pydantic.alias_generators import to_camel
from sqlalchemy import Row, Table, or_, select

from libs.common.database.transaction import Transaction
from libs.common.tables import store
from services.ingestor.kinds.tables import TABLES
from services.ingestor.privacy.letters import letters_about
from services.ingestor.privacy.people import Person
from services.ingestor.privacy.receipts import Asked

_OURS = {
    *("tenant_id", "order_id", "observed_at", "pulled_at", "counted", "untold", "lines_read_at"),
}
"""How we keep the books says nothing about the person."""


async def disclose(
    tx: Transaction, tenant_id: UUID, asked: Asked, *, letters: bool
) -> tuple[bytes, dict[str, int]]:
    """The file as JSON, and how much of what is in it; with `letters` also what was set aside."""
    person = asked.person
    customers = await _rows(tx, store.customers, tenant_id, [person.id])
    orders = await _orders(tx, tenant_id, person)
    others = {
        to_camel(name): [
            _plain(row) for row in await _rows_by_customer(tx, table, tenant_id, person)
        ]
        for name, table in TABLES.items()
        if "customer_id" in table.c
    }
    set_aside = await _letters(tx, tenant_id, person) if letters else []
    content = {
        "shop": asked.shop,
        "requestedAt": asked.requested_at,
        "customer": _plain(customers[0]) if customers else None,
        "orders": orders,
        **others,
        "deliveriesSetAside": set_aside,
    }
    counts = {"customers": len(customers), "orders": len(orders), "deadLetters": len(set_aside)}
    counts |= {name: len(rows) for name, rows in others.items() if rows}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z), counts


async def _letters(tx: Transaction, tenant_id: UUID, person: Person) -> list[dict[str, Any]]:
    return [
        {
            "topic": letter.topic,
            "triggeredAt": letter.triggered_at,
            "body": letter.record.body.decode(errors="replace"),
        }
        async for letter in letters_about(tx, tenant_id, person)
    ]


async def _orders(tx: Transaction, tenant_id: UUID, person: Person) -> list[dict[str, Any]]:
    orders = store.orders
    theirs = or_(orders.c.customer_id == person.id, orders.c.id.in_(person.order_ids))
    query = select(orders).where(orders.c.tenant_id == tenant_id, theirs).order_by(orders.c.id)
    found = (await tx.execute(query)).all()
    ids = [order.id for order in found]
    lines = await _rows(tx, store.order_lines, tenant_id, ids)
    refunds = await _rows(tx, store.refunds, tenant_id, ids)
    return [
        _plain(order) | {"lines": _of(order.id, lines), "refunds": _of(order.id, refunds)}
        for order in found
    ]


async def _rows(
    tx: Transaction, table: Table, tenant_id: UUID, ids: Iterable[int]
) -> list[Row[*tuple[Any, ...]]]:
    """Rows of `table` by their order's id, or by their own where they have no order."""
    key = table.c.order_id if "order_id" in table.c else table.c.id
    query = select(table).where(table.c.tenant_id == tenant_id, key.in_(list(ids)))
    return list(await tx.execute(query.order_by(key, table.c.id)))


async def _rows_by_customer(
    tx: Transaction, table: Table, tenant_id: UUID, person: Person
) -> list[Row[*tuple[Any, ...]]]:
    mine = table.c.tenant_id == tenant_id, table.c.customer_id == person.id
    return list(await tx.execute(select(table).where(*mine).order_by(table.c.id)))


def _of(order_id: int, rows: Iterable[Row[*tuple[Any, ...]]]) -> list[dict[str, Any]]:
    return [_plain(row) for row in rows if row.order_id == order_id]


def _plain(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        to_camel(str(name)): _value(name, value)
        for name, value in row._mapping.items()
        if name not in _OURS
    }


def _value(name: str, value: Any) -> Any:
    """Ids and money as text: they exceed what JSON numbers can hold."""
    if value is None or (isinstance(value, datetime) and value.year == 1):
        return None
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if name == "id" or name.endswith("_id") else value
