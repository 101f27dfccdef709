"""The fields in which Shopify told us values that cannot be read: all SQL about their counts.

A field is one that we read, by our own name for its place, so their number is bounded by what is
declared; no value is kept.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select

from libs.common.database.transaction import Transaction
from libs.common.tables import store

_COUNT = """INSERT INTO store.unreadable_fields AS held
    (tenant_id, topic, field, records, first_at, last_at)
    SELECT given.*, $5, $5
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[])
        AS given(tenant_id, topic, field, records)
    ORDER BY given.tenant_id, given.topic, given.field
    ON CONFLICT (tenant_id, topic, field) DO UPDATE
        SET records = held.records + excluded.records, last_at = excluded.last_at"""


async def count_unreadable(
    tx: Transaction, found: Mapping[tuple[UUID, str], Mapping[str, int]], at: datetime
) -> None:
    """Add records by field, of each tenant and topic; what a pull reads has its entity's name.

    The caller holds the tenants' locks.
    """
    rows = [
        (*key, name, number) for key, fields in found.items() for name, number in fields.items()
    ]
    if rows:
        await tx.exec_driver_sql(_COUNT, (*zip(*rows, strict=True), at))


async def forget_unreadable(tx: Transaction, tenant_id: UUID, topic: str, field: str) -> None:
    """The field can be read again."""
    counts = store.unreadable_fields.c
    mine = counts.tenant_id == tenant_id, counts.topic == topic, counts.field == field
    await tx.execute(delete(store.unreadable_fields).where(*mine))


async def read_unreadable(tx: Transaction, tenant_id: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """By topic and field."""
    table = store.unreadable_fields
    query = select(table).where(table.c.tenant_id == tenant_id)
    return (await tx.execute(query.order_by(table.c.topic, table.c.field))).all()
