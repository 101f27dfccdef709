"""SQL over what the gateway keeps of tenants that are to be erased, or have been."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Exists, delete, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert

from libs.common.database.transaction import Transaction
from libs.common.tables.identity import (
    audit_log,
    memberships,
    redeemed_claims,
    redeemed_recoveries,
    sessions,
    tenant_erasures,
    users,
)

State = Literal["scheduled", "running", "cancelled", "erased"]

_KEY = "hashtextextended('tenant erasure ' || CAST(:tenant_id AS text), 0)"
_LOCK = text(f"SELECT pg_advisory_xact_lock({_KEY})")
_LOCK_SHARED = text(f"SELECT pg_advisory_xact_lock_shared({_KEY})")
_SWEEP_BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class TenantErasure:
    """`changed_at` is new whenever the row is written."""

    tenant_id: UUID
    state: State
    due_at: datetime | None
    changed_at: datetime


async def lock_tenant(tx: Transaction, tenant_id: UUID) -> None:
    """Before anything is written of an erasure: waits for all who come in, and keeps them out."""
    await tx.execute(_LOCK, {"tenant_id": str(tenant_id)})


async def lock_tenant_shared(tx: Transaction, tenant_id: UUID) -> None:
    """Before anybody comes in: what is read of the tenant's erasure then holds until `tx` ends."""
    await tx.execute(_LOCK_SHARED, {"tenant_id": str(tenant_id)})


async def find_tenant_erasure(tx: Transaction, tenant_id: UUID) -> TenantErasure | None:
    found = await tenant_erasures_among(tx, [tenant_id])
    return found.get(tenant_id)


async def tenant_erasures_among(
    tx: Transaction, tenant_ids: Collection[UUID]
) -> dict[UUID, TenantErasure]:
    rows = await tx.execute(
        select(tenant_erasures).where(tenant_erasures.c.tenant_id.in_(tenant_ids))
    )
    return {row.tenant_id: TenantErasure(**row._mapping) for row in rows}


async def save_tenant_erasure(
    tx: Transaction, tenant_id: UUID, state: State, due_at: datetime | None
) -> TenantErasure:
    """The caller holds the tenant's lock. An erased tenant stays erased: see `erase_tenant`."""
    new = insert(tenant_erasures).values(tenant_id=tenant_id, state=state, due_at=due_at)
    changed = {"state": state, "due_at": due_at, "changed_at": func.clock_timestamp()}
    saved = new.on_conflict_do_update(index_elements=["tenant_id"], set_=changed)
    row = (await tx.execute(saved.returning(*tenant_erasures.c))).one()
    return TenantErasure(**row._mapping)


async def end_sessions(tx: Transaction, tenant_id: UUID) -> int:
    gone = await tx.execute(delete(sessions).where(sessions.c.tenant_id == tenant_id))
    return gone.rowcount


async def erase_tenant(tx: Transaction, tenant_id: UUID) -> int:
    """Delete all that is kept of a tenant; users who are left without a tenant go too.

    The caller holds the tenant's lock. Replays find nothing to do. Answers with the number of
    users deleted.
    """
    await end_sessions(tx, tenant_id)
    for table in (audit_log, redeemed_claims, redeemed_recoveries):
        await tx.execute(delete(table).where(table.c.tenant_id == tenant_id))
    members = select(memberships.c.user_id).where(memberships.c.tenant_id == tenant_id)
    locked = await _lock_users(tx, list(await tx.scalars(members)))
    await tx.execute(delete(memberships).where(memberships.c.tenant_id == tenant_id))
    return await _delete_users_without_tenant(tx, locked)


async def sweep_users(tx: Transaction, created_before: datetime) -> int:
    """Delete some users who belong to no tenant; answers with how many, 0 at the end."""
    orphans = (
        select(users.c.id)
        .where(users.c.created_at < created_before, ~_is_member())
        .order_by(users.c.id)
        .limit(_SWEEP_BATCH_SIZE)
        # Whoever makes one of them a member at this moment holds a lock on its row.
        .with_for_update(skip_locked=True)
    )
    return await _delete_users_without_tenant(tx, list(await tx.scalars(orphans)))


async def _lock_users(tx: Transaction, user_ids: Collection[UUID]) -> list[UUID]:
    locked = select(users.c.id).where(users.c.id.in_(user_ids)).order_by(users.c.id)
    return list(await tx.scalars(locked.with_for_update()))


async def _delete_users_without_tenant(tx: Transaction, locked: Collection[UUID]) -> int:
    """A statement of its own, after the lock: it sees who became a member before that."""
    gone = delete(users).where(users.c.id.in_(locked), ~_is_member())
    return (await tx.execute(gone)).rowcount


def _is_member() -> Exists:
    return exists().where(memberships.c.user_id == users.c.id)
