"""SQL over erasures: scheduled until they are due, running until every holder has reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from libs.common.database.transaction import Transaction
from libs.common.tables.tenancy import erasures, shop_directory, tenants

State = Literal["scheduled", "running", "done"]

_DONE_LISTED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Erasure:
    """`due_at` is when the rows may go. `domain` is known until then, its hash for good."""

    tenant_id: UUID
    cause: str
    state: State
    requested_at: datetime
    due_at: datetime
    domain: str | None
    domain_hash: bytes


_COLUMNS = (
    erasures.c.tenant_id,
    erasures.c.cause,
    erasures.c.requested_at,
    erasures.c.due_at,
    erasures.c.begun_at,
    erasures.c.done_at,
    erasures.c.domain_hash,
    shop_directory.c.domain,
)


def _query() -> Select[*tuple[object, ...]]:
    same_shop = shop_directory.c.tenant_id == erasures.c.tenant_id
    return select(*_COLUMNS).join_from(erasures, shop_directory, same_shop, isouter=True)


def _erasure(row: Row[*tuple[object, ...]]) -> Erasure:
    state: State = "scheduled"
    if row.begun_at is not None:
        state = "running" if row.done_at is None else "done"
    return Erasure(
        tenant_id=row.tenant_id,
        cause=row.cause,
        state=state,
        requested_at=row.requested_at,
        due_at=row.due_at,
        domain=row.domain,
        domain_hash=row.domain_hash,
    )


async def erasure_of(tx: Transaction, tenant_id: UUID) -> Erasure | None:
    """The erasure of `tenant_id`; None when nobody asked for one."""
    found = _query().where(erasures.c.tenant_id == tenant_id)
    row = (await tx.execute(found)).one_or_none()
    return None if row is None else _erasure(row)


async def list_erasures(tx: Transaction, now: datetime) -> list[Erasure]:
    """What is scheduled or running, and what was done in the last 30 days; the oldest first."""
    shown = or_(erasures.c.done_at.is_(None), erasures.c.done_at > now - _DONE_LISTED)
    rows = await tx.execute(_query().where(shown).order_by(erasures.c.requested_at))
    return [_erasure(row) for row in rows]


async def schedule(
    tx: Transaction,
    tenant_id: UUID,
    domain_hash: bytes,
    cause: str,
    *,
    now: datetime,
    due_at: datetime,
) -> bool:
    """False when there is one already: then nothing changes. The caller has the shop's lock."""
    new = insert(erasures).values(
        tenant_id=tenant_id,
        domain_hash=domain_hash,
        cause=cause,
        requested_at=now,
        due_at=due_at,
    )
    return (await tx.execute(new.on_conflict_do_nothing())).rowcount == 1


async def bring_forward(tx: Transaction, tenant_id: UUID, now: datetime) -> bool:
    """Make a scheduled erasure due now; False when there is none."""
    due = (
        update(erasures)
        .values(due_at=func.least(erasures.c.due_at, now))
        .where(erasures.c.tenant_id == tenant_id, erasures.c.begun_at.is_(None))
    )
    return (await tx.execute(due)).rowcount == 1


async def cancel(tx: Transaction, tenant_id: UUID) -> bool:
    """Forget a scheduled erasure; False when there is none. One that runs goes on."""
    scheduled = delete(erasures).where(
        erasures.c.tenant_id == tenant_id, erasures.c.begun_at.is_(None)
    )
    return (await tx.execute(scheduled)).rowcount == 1


async def lock_next_due(tx: Transaction, now: datetime) -> Erasure | None:
    """The erasure that is due longest, with its shop locked to the end; None: no more."""
    due = (erasures.c.begun_at.is_(None), erasures.c.due_at <= now)
    found = (
        select(erasures.c.tenant_id)
        .join(shop_directory, shop_directory.c.tenant_id == erasures.c.tenant_id)
        .where(*due)
        .order_by(erasures.c.due_at)
        .limit(1)
        .with_for_update(of=shop_directory, skip_locked=True)
    )
    tenant_id = await tx.scalar(found)
    if tenant_id is None:
        return None
    # It was found before its shop was locked: it may have been cancelled or put off since.
    row = (await tx.execute(_query().where(erasures.c.tenant_id == tenant_id, *due))).one_or_none()
    return None if row is None else _erasure(row)


async def begin(tx: Transaction, tenant_id: UUID, now: datetime) -> None:
    begun = update(erasures).values(begun_at=now).where(erasures.c.tenant_id == tenant_id)
    await tx.execute(begun)


async def add_report(
    tx: Transaction, tenant_id: UUID, service: str, counts: Mapping[str, int]
) -> set[str] | None:
    """Which services have reported by now; None when no such erasure has begun.

    A service's first report is the one that is kept.
    """
    report = (
        update(erasures)
        .values(erased=literal({service: dict(counts)}, JSONB).op("||")(erasures.c.erased))
        .where(erasures.c.tenant_id == tenant_id, erasures.c.begun_at.is_not(None))
        .returning(erasures.c.erased)
    )
    erased = (await tx.execute(report)).scalar_one_or_none()
    return None if erased is None else set(erased)


async def finish(tx: Transaction, tenant_id: UUID, now: datetime) -> None:
    """The tenant's row goes, and with it whatever still hangs on it."""
    await tx.execute(delete(tenants).where(tenants.c.id == tenant_id))
    await tx.execute(
        update(erasures)
        .values(done_at=now)
        .where(erasures.c.tenant_id == tenant_id, erasures.c.done_at.is_(None))
    )
