"""Every SQL statement of the gateway. Uniqueness is decided by the database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from libs.common.database.transaction import Transaction
from libs.common.tables.identity import memberships, redeemed_claims, sessions, users
from services.gateway.clients import Client


@dataclass(frozen=True, slots=True)
class Account:
    """`credentials_version` grows with every new password."""

    id: UUID
    username: str
    password_hash: str
    credentials_version: int
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Membership:
    tenant_id: UUID
    user_id: UUID
    shop_domain: str
    role: str


@dataclass(frozen=True, slots=True)
class ActiveSession:
    """A session that is valid now, with what its user may see. `id` opens nothing."""

    id: UUID
    user_id: UUID
    username: str
    tenant_id: UUID
    shop_domain: str
    role: str
    expires_at: datetime
    last_seen_at: datetime


async def find_account(tx: Transaction, username: str) -> Account | None:
    found = select(*(users.c[name] for name in Account.__dataclass_fields__))
    row = (await tx.execute(found.where(users.c.username == username))).one_or_none()
    return Account(**row._mapping) if row else None


async def add_user(tx: Transaction, username: str, password_hash: str) -> UUID | None:
    """The new user's id; None when the name is taken."""
    new = insert(users).values(username=username, password_hash=password_hash)
    statement = new.on_conflict_do_nothing(index_elements=[users.c.username])
    made = await tx.execute(statement.returning(users.c.id))
    user_id: UUID | None = made.scalar_one_or_none()
    return user_id


async def add_owner(tx: Transaction, membership: Membership) -> bool:
    """False when the tenant has an owner already."""
    new = insert(memberships).values(
        tenant_id=membership.tenant_id,
        user_id=membership.user_id,
        shop_domain=membership.shop_domain,
        role=membership.role,
    )
    statement = new.on_conflict_do_nothing().returning(memberships.c.tenant_id)
    return (await tx.execute(statement)).one_or_none() is not None


async def memberships_of(tx: Transaction, user_id: UUID) -> list[Membership]:
    """The oldest first."""
    found = (
        select(memberships.c.tenant_id, memberships.c.shop_domain, memberships.c.role)
        .where(memberships.c.user_id == user_id)
        .order_by(memberships.c.created_at, memberships.c.tenant_id)
    )
    rows = await tx.execute(found)
    return [Membership(row.tenant_id, user_id, row.shop_domain, row.role) for row in rows]


async def has_owner(tx: Transaction, tenant_id: UUID) -> bool:
    owned = exists().where(memberships.c.tenant_id == tenant_id, memberships.c.role == "owner")
    return bool((await tx.execute(select(owned))).scalar_one())


async def mark_redeemed(
    tx: Transaction, claim_id: UUID, tenant_id: UUID, user_id: UUID, now: datetime
) -> bool:
    """False when the claim was redeemed before."""
    new = insert(redeemed_claims).values(
        id=claim_id, tenant_id=tenant_id, user_id=user_id, redeemed_at=now
    )
    statement = new.on_conflict_do_nothing().returning(redeemed_claims.c.id)
    return (await tx.execute(statement)).one_or_none() is not None


async def is_redeemed(tx: Transaction, claim_id: UUID) -> bool:
    redeemed = exists().where(redeemed_claims.c.id == claim_id)
    return bool((await tx.execute(select(redeemed))).scalar_one())


async def add_session(
    tx: Transaction,
    token_hash: bytes,
    membership: Membership,
    now: datetime,
    expires_at: datetime,
    client: Client,
) -> UUID:
    """The session's id, which is no secret."""
    new = insert(sessions).values(
        token_hash=token_hash,
        user_id=membership.user_id,
        tenant_id=membership.tenant_id,
        created_at=now,
        expires_at=expires_at,
        last_seen_at=now,
        device=client.device,
        network=client.network,
    )
    session_id: UUID = (await tx.execute(new.returning(sessions.c.id))).scalar_one()
    return session_id


async def find_session(
    tx: Transaction, token_hash: bytes, now: datetime, seen_since: datetime
) -> ActiveSession | None:
    found = (
        select(
            sessions.c.id,
            sessions.c.user_id,
            users.c.username,
            sessions.c.tenant_id,
            memberships.c.shop_domain,
            memberships.c.role,
            sessions.c.expires_at,
            sessions.c.last_seen_at,
        )
        .join_from(sessions, users, users.c.id == sessions.c.user_id)
        .join(
            memberships,
            (memberships.c.tenant_id == sessions.c.tenant_id)
            & (memberships.c.user_id == sessions.c.user_id),
        )
        .where(
            sessions.c.token_hash == token_hash,
            sessions.c.expires_at > now,
            sessions.c.last_seen_at > seen_since,
            users.c.disabled_at.is_(None),
        )
    )
    row = (await tx.execute(found)).one_or_none()
    return row and ActiveSession(**row._mapping)


async def delete_session(tx: Transaction, token_hash: bytes) -> None:
    await tx.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


async def delete_expired_sessions(tx: Transaction, now: datetime, seen_since: datetime) -> None:
    """Those that were last seen before `seen_since` too."""
    expired = (sessions.c.expires_at <= now) | (sessions.c.last_seen_at <= seen_since)
    await tx.execute(delete(sessions).where(expired))
