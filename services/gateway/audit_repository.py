"""The SQL of the audit log, and of what of it members have seen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.database.transaction import Transaction
from libs.common.tables.identity import audit_log, memberships

_MAX_NOTICES = 20


@dataclass(frozen=True, slots=True)
class Entry:
    id: UUID
    at: datetime
    action: str
    user_id: UUID | None
    details: Mapping[str, str]


_ENTRY = (audit_log.c.id, audit_log.c.at, audit_log.c.action, audit_log.c.user_id)


async def add_entry(tx: Transaction, tenant_id: UUID, entry: Entry) -> bool:
    """False when there is an entry of this id already."""
    new = insert(audit_log).values(
        id=entry.id,
        tenant_id=tenant_id,
        user_id=entry.user_id,
        action=entry.action,
        at=entry.at,
        details=dict(entry.details),
    )
    statement = new.on_conflict_do_nothing().returning(audit_log.c.id)
    return (await tx.execute(statement)).one_or_none() is not None


async def entries_of(
    tx: Transaction, tenant_id: UUID, limit: int, before: datetime | None
) -> list[Entry]:
    """The newest first, of those older than `before`."""
    found = (
        select(*_ENTRY, audit_log.c.details)
        .where(audit_log.c.tenant_id == tenant_id)
        .order_by(audit_log.c.at.desc(), audit_log.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        found = found.where(audit_log.c.at < before)
    return [Entry(**row._mapping) for row in await tx.execute(found)]


async def unseen_entries(
    tx: Transaction, tenant_id: UUID, user_id: UUID, actions: Collection[str]
) -> list[Entry]:
    """Of `actions`, what others did since the member last dismissed notices; the newest first."""
    found = (
        select(*_ENTRY, audit_log.c.details)
        .join(memberships, memberships.c.tenant_id == audit_log.c.tenant_id)
        .where(
            audit_log.c.tenant_id == tenant_id,
            memberships.c.user_id == user_id,
            audit_log.c.at > memberships.c.notices_seen_at,
            audit_log.c.action.in_(actions),
            or_(audit_log.c.user_id.is_(None), audit_log.c.user_id != user_id),
        )
        .order_by(audit_log.c.at.desc(), audit_log.c.id.desc())
        .limit(_MAX_NOTICES)
    )
    return [Entry(**row._mapping) for row in await tx.execute(found)]


async def mark_seen(tx: Transaction, tenant_id: UUID, user_id: UUID, until: datetime) -> None:
    await tx.execute(
        update(memberships)
        .where(memberships.c.tenant_id == tenant_id, memberships.c.user_id == user_id)
        .values(notices_seen_at=func.greatest(memberships.c.notices_seen_at, until))
    )
