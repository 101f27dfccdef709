"""Dead letters that hold a person's data."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, select

from libs.common.database.transaction import Transaction
from libs.common.messaging.records import DeliveryRecord, decode_records
from libs.common.tables.store import customers, dead_letters
from services.ingestor.privacy.people import Person, customers_named, is_about

_PAGE = 20
"""A letter may be as large as the largest delivery."""


class Letter(NamedTuple):
    id: UUID
    topic: str | None
    triggered_at: datetime | None
    record: DeliveryRecord


async def letters_about(tx: Transaction, tenant_id: UUID, person: Person) -> AsyncIterator[Letter]:
    last = UUID(int=0)
    while page := await _page(tx, tenant_id, last):
        for letter in page:
            if is_about(letter.record, person):
                yield letter
        last = page[-1].id


async def delete_letters_about(tx: Transaction, tenant_id: UUID, person: Person) -> int:
    ids = [letter.id async for letter in letters_about(tx, tenant_id, person)]
    mine = dead_letters.c.tenant_id == tenant_id
    return (await tx.execute(delete(dead_letters).where(mine, dead_letters.c.id.in_(ids)))).rowcount


async def names_a_redacted_customer(tx: Transaction, record: DeliveryRecord) -> bool:
    """Whether a person who is to be forgotten would come back with `record`."""
    query = select(customers.c.id).where(
        customers.c.tenant_id == record.tenant_id,
        customers.c.id.in_(customers_named(record)),
        customers.c.redacted_at.is_not(None),
    )
    return (await tx.execute(query.limit(1))).one_or_none() is not None


async def _page(tx: Transaction, tenant_id: UUID, after: UUID) -> list[Letter]:
    letters = dead_letters.c
    query = (
        select(letters.id, letters.topic, letters.triggered_at, letters.record)
        .where(letters.tenant_id == tenant_id, letters.id > after, letters.kind == "delivery")
        .order_by(letters.id)
        .limit(_PAGE)
    )
    rows = await tx.execute(query)
    return [
        Letter(row.id, row.topic, row.triggered_at, decode_records(row.record)[0]) for row in rows
    ]
