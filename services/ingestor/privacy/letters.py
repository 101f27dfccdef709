"""Dead letters that hold a person's data."""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, delete, select

from libs.common.database.transaction import Transaction
from libs.common.errors import MessageMalformedError
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
    after: UUID | None = UUID(int=0)
    while after is not None:
        found, after = await page_about(tx, tenant_id, person, after)
        for letter in found:
            yield letter


async def page_about(
    tx: Transaction, tenant_id: UUID, person: Person, after: UUID
) -> tuple[list[Letter], UUID | None]:
    """Those of one page that are about the person, and behind which id the next begins; None: none.

    Bodies are looked through in a thread: a page may be large, and others have work to do.
    """
    page = await _page(tx, tenant_id, after)
    found = await asyncio.to_thread(
        lambda: [letter for letter in page if is_about(letter.record, person)]
    )
    return found, page[-1].id if page else None


async def delete_letters(tx: Transaction, tenant_id: UUID, ids: Collection[UUID]) -> int:
    mine = dead_letters.c.tenant_id == tenant_id, dead_letters.c.id.in_(ids)
    return (await tx.execute(delete(dead_letters).where(*mine))).rowcount


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
        select(letters.id, letters.topic, letters.triggered_at, letters.created_at, letters.record)
        .where(letters.tenant_id == tenant_id, letters.id > after, letters.kind == "delivery")
        .order_by(letters.id)
        .limit(_PAGE)
    )
    rows = await tx.execute(query)
    return [Letter(row.id, row.topic, row.triggered_at, _record(tenant_id, row)) for row in rows]


def _record(tenant_id: UUID, row: Row[*tuple[Any, ...]]) -> DeliveryRecord:
    """What cannot be read is looked through as text, so that no redaction stops at it."""
    try:
        return decode_records(row.record)[0]
    except MessageMalformedError:
        moment = row.triggered_at or row.created_at
        return DeliveryRecord(str(row.id), "", row.topic or "", moment, tenant_id, row.record)
