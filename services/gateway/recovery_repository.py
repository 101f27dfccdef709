"""The SQL of recoveries: whose a tenant is, and what changes when that is decided again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.database.transaction import Transaction
from libs.common.tables.identity import memberships, redeemed_recoveries, sessions, users


@dataclass(frozen=True, slots=True)
class Owner:
    id: UUID
    username: str


async def mark_used(tx: Transaction, proof_id: UUID, tenant_id: UUID, now: datetime) -> bool:
    """False when the proof was used before."""
    new = insert(redeemed_recoveries).values(id=proof_id, tenant_id=tenant_id, redeemed_at=now)
    statement = new.on_conflict_do_nothing().returning(redeemed_recoveries.c.id)
    return (await tx.execute(statement)).one_or_none() is not None


async def is_used(tx: Transaction, proof_id: UUID) -> bool:
    used = exists().where(redeemed_recoveries.c.id == proof_id)
    return bool((await tx.execute(select(used))).scalar_one())


async def owner_of(tx: Transaction, tenant_id: UUID) -> Owner | None:
    found = (
        select(users.c.id, users.c.username)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.tenant_id == tenant_id, memberships.c.role == "owner")
    )
    row = (await tx.execute(found)).one_or_none()
    return row and Owner(row.id, row.username)


async def lock_users(tx: Transaction, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The password hashes, held as they are. Nobody gains a membership meanwhile."""
    locked = (
        select(users.c.id, users.c.password_hash)
        .where(users.c.id.in_(list(user_ids)))
        .order_by(users.c.id)
        .with_for_update()
    )
    return {row.id: row.password_hash for row in await tx.execute(locked)}


async def belongs_elsewhere(tx: Transaction, user_id: UUID, tenant_id: UUID) -> bool:
    other = exists().where(memberships.c.user_id == user_id, memberships.c.tenant_id != tenant_id)
    return bool((await tx.execute(select(other))).scalar_one())


async def end_sessions_of_tenant(
    tx: Transaction, tenant_id: UUID, begun_before: datetime | None = None
) -> int:
    """How many there were; without `begun_before` all of them end."""
    ended = delete(sessions).where(sessions.c.tenant_id == tenant_id)
    if begun_before is not None:
        ended = ended.where(sessions.c.created_at < begun_before)
    return len((await tx.execute(ended.returning(sessions.c.token_hash))).all())


async def remove_member(tx: Transaction, tenant_id: UUID, user_id: UUID) -> None:
    """With the member's sessions on this tenant."""
    await tx.execute(
        delete(memberships).where(
            memberships.c.tenant_id == tenant_id, memberships.c.user_id == user_id
        )
    )


async def promote_member(tx: Transaction, tenant_id: UUID, user_id: UUID) -> bool:
    """False when the user is no member."""
    promoted = (
        update(memberships)
        .where(memberships.c.tenant_id == tenant_id, memberships.c.user_id == user_id)
        .values(role="owner")
    )
    return (await tx.execute(promoted.returning(memberships.c.user_id))).one_or_none() is not None
