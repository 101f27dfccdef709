"""The SQL about users as such and their sessions: passwords, lists, ends."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Text, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from libs.common.database.transaction import Transaction
from libs.common.tables.identity import memberships, sessions, users
from services.gateway.repository import Account


@dataclass(frozen=True, slots=True)
class ListedSession:
    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    device: str
    network: str


@dataclass(frozen=True, slots=True)
class ListedUser:
    id: UUID
    username: str
    shops: list[str]
    created_at: datetime
    disabled_at: datetime | None
    sessions: int


async def lock_account(tx: Transaction, user_id: UUID) -> Account | None:
    """Holds sign-ins and changes of one user apart until the transaction ends."""
    found = select(*(users.c[name] for name in Account.__dataclass_fields__))
    locked = found.where(users.c.id == user_id).with_for_update()
    row = (await tx.execute(locked)).one_or_none()
    return Account(**row._mapping) if row else None


async def replace_hash(tx: Transaction, user_id: UUID, before: str, after: str) -> None:
    """The same password under another hash; nothing when it was changed meanwhile."""
    await tx.execute(
        update(users)
        .where(users.c.id == user_id, users.c.password_hash == before)
        .values(password_hash=after, updated_at=func.now())
    )


async def set_password(tx: Transaction, user_id: UUID, password_hash: str) -> None:
    """A new password: what was signed for the one before is void."""
    await tx.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(
            password_hash=password_hash,
            credentials_version=users.c.credentials_version + 1,
            updated_at=func.now(),
        )
    )


async def set_disabled(tx: Transaction, user_id: UUID, disabled_at: datetime | None) -> None:
    """None lets the user sign in again."""
    changed = update(users).where(users.c.id == user_id)
    await tx.execute(changed.values(disabled_at=disabled_at, updated_at=func.now()))


async def sessions_of(tx: Transaction, user_id: UUID) -> list[ListedSession]:
    """The last seen first; expired ones among them."""
    found = (
        select(*(sessions.c[name] for name in ListedSession.__dataclass_fields__))
        .where(sessions.c.user_id == user_id)
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.id)
    )
    return [ListedSession(**row._mapping) for row in await tx.execute(found)]


async def end_session(tx: Transaction, user_id: UUID, session_id: UUID) -> bool:
    """False when the user has no such session."""
    ended = delete(sessions).where(sessions.c.user_id == user_id, sessions.c.id == session_id)
    return (await tx.execute(ended.returning(sessions.c.id))).one_or_none() is not None


async def end_sessions(tx: Transaction, user_id: UUID, but: UUID | None = None) -> int:
    """Ends all of a user's sessions, or all `but` one; answers with how many."""
    ended = delete(sessions).where(sessions.c.user_id == user_id)
    if but is not None:
        ended = ended.where(sessions.c.id != but)
    return len((await tx.execute(ended.returning(sessions.c.id))).all())


async def end_oldest_sessions(tx: Transaction, user_id: UUID, kept: int) -> None:
    oldest = (
        select(sessions.c.id)
        .where(sessions.c.user_id == user_id)
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.id.desc())
        .offset(kept)
    )
    await tx.execute(delete(sessions).where(sessions.c.id.in_(oldest)))


async def note_seen(tx: Transaction, session_id: UUID, now: datetime) -> None:
    await tx.execute(update(sessions).where(sessions.c.id == session_id).values(last_seen_at=now))


async def list_users(tx: Transaction, seen_since: datetime, now: datetime) -> list[ListedUser]:
    """Every user by name, with the sessions that are valid now."""
    rows = await tx.execute(_users_query(seen_since, now))
    return [ListedUser(**row._mapping) for row in rows]


def _users_query(seen_since: datetime, now: datetime) -> Select[tuple[object, ...]]:
    shops = (
        select(func.array_agg(memberships.c.shop_domain))
        .where(memberships.c.user_id == users.c.id)
        .scalar_subquery()
    )
    valid = (
        select(func.count())
        .where(
            sessions.c.user_id == users.c.id,
            sessions.c.expires_at > now,
            sessions.c.last_seen_at > seen_since,
        )
        .scalar_subquery()
    )
    return select(
        users.c.id,
        users.c.username,
        func.coalesce(shops, cast([], ARRAY(Text))).label("shops"),
        users.c.created_at,
        users.c.disabled_at,
        valid.label("sessions"),
    ).order_by(users.c.username)
