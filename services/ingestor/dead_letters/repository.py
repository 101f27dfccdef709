"""SQL over `store.dead_letters` for an operator, who sees those of all tenants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, select, update

from libs.common.database.transaction import Transaction
from libs.common.tables.store import dead_letter_tenants, dead_letters, shops

PRIVACY_TOPICS: Final = frozenset(
    {"customers/redact", "customers/data_request", "shop/redact", "tenant.erased.v1"}
)
"""What the law gives 30 days for. Source: shopify.dev, "Privacy law compliance"."""

_LETTER = dead_letters.c
_SHOWN = (
    _LETTER.tenant_id,
    _LETTER.id,
    _LETTER.consumer,
    _LETTER.kind,
    _LETTER.reason,
    _LETTER.attempts,
    _LETTER.topic,
    _LETTER.delivery_id,
    _LETTER.triggered_at,
    _LETTER.created_at,
    _LETTER.retried_at,
    func.octet_length(_LETTER.record).label("bytes"),
    shops.c.domain,
)


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant: all that match each value that is given."""

    consumer: str | None = None
    kind: str | None = None
    reason: str | None = None
    topic: str | None = None
    tenant_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        equal = ("consumer", "kind", "reason", "topic", "tenant_id")
        wanted = [(_LETTER[name], getattr(self, name)) for name in equal]
        conditions = [column == value for column, value in wanted if value is not None]
        if self.since is not None:
            conditions.append(_LETTER.created_at >= self.since)
        if self.until is not None:
            conditions.append(_LETTER.created_at < self.until)
        return conditions


async def tenants_with_letters(tx: Transaction) -> Sequence[UUID]:
    """Who may have some; nobody else has any."""
    return (await tx.scalars(select(dead_letter_tenants.c.tenant_id))).all()


async def list_letters(
    tx: Transaction, chosen: LetterFilter, at_most: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The oldest first, without what is in them. `tx` was opened for the tenants; so with all."""
    same_shop = shops.c.tenant_id == _LETTER.tenant_id
    query = select(*_SHOWN).join_from(dead_letters, shops, same_shop, isouter=True)
    query = query.where(*chosen.conditions()).order_by(_LETTER.created_at, _LETTER.id)
    return (await tx.execute(query.limit(at_most))).all()


async def count_letters(tx: Transaction, chosen: LetterFilter) -> Row[*tuple[Any, ...]]:
    """How many there are and since when; with the same of those that the law gives 30 days for."""
    private = _LETTER.topic.in_(PRIVACY_TOPICS)
    query = select(
        func.count().label("total"),
        func.min(_LETTER.created_at).label("oldest_at"),
        func.count().filter(private).label("private"),
        func.min(_LETTER.created_at).filter(private).label("oldest_private_at"),
    )
    row: Row[*tuple[Any, ...]] = (await tx.execute(query.where(*chosen.conditions()))).one()
    return row


async def read_letter(tx: Transaction, letter_id: UUID) -> Row[*tuple[Any, ...]] | None:
    same_shop = shops.c.tenant_id == _LETTER.tenant_id
    query = select(*_SHOWN, _LETTER.record).join_from(dead_letters, shops, same_shop, isouter=True)
    return (await tx.execute(query.where(_LETTER.id == letter_id).limit(1))).one_or_none()


async def mark_retried(tx: Transaction, tenant_id: UUID, letter_id: UUID) -> datetime:
    """When it was marked. If it is given up once more, it is marked no longer."""
    mine = update(dead_letters).where(*_mine(tenant_id, letter_id))
    marked = mine.values(retried_at=func.clock_timestamp()).returning(_LETTER.retried_at)
    retried_at: datetime = (await tx.scalars(marked)).one()
    return retried_at


async def delete_retried(
    tx: Transaction, tenant_id: UUID, letter_id: UUID, retried_at: datetime
) -> bool:
    """Only where nothing has happened to it since `retried_at`."""
    same = _LETTER.retried_at == retried_at
    gone = delete(dead_letters).where(*_mine(tenant_id, letter_id), same)
    return (await tx.execute(gone)).rowcount == 1


async def delete_letter(tx: Transaction, tenant_id: UUID, letter_id: UUID) -> bool:
    gone = delete(dead_letters).where(*_mine(tenant_id, letter_id))
    return (await tx.execute(gone)).rowcount == 1


def _mine(tenant_id: UUID, letter_id: UUID) -> tuple[Any, Any]:
    return _LETTER.tenant_id == tenant_id, _LETTER.id == letter_id
