"""SQL over the credentials of every tenant: which are idle, which are not sealed as they should be.

What is sealed as it should be begins with `header`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update

from libs.common.database.transaction import Transaction
from libs.common.tables.tenancy import credentials, shop_directory


class Sealed(NamedTuple):
    tenant_id: UUID
    access_token: bytes
    refresh_token: bytes | None


async def lock_next_idle(tx: Transaction, after: UUID, ends_before: datetime) -> UUID | None:
    """The first tenant past `after` whose refresh token ends soon, or who has none; None: no more.

    Only active shops, and none that is locked by another; its row is locked to the end.
    """
    refresh_ends = credentials.c.refresh_expires_at
    found = (
        select(shop_directory.c.tenant_id)
        .join(credentials, credentials.c.tenant_id == shop_directory.c.tenant_id)
        .where(
            shop_directory.c.tenant_id > after,
            shop_directory.c.status == "active",
            or_(refresh_ends.is_(None), refresh_ends < ends_before),
        )
        .order_by(shop_directory.c.tenant_id)
        .limit(1)
        .with_for_update(of=shop_directory, skip_locked=True)
    )
    tenant_id: UUID | None = await tx.scalar(found)
    return tenant_id


async def lock_sealed_otherwise(
    tx: Transaction, header: bytes, after: UUID, at_most: int
) -> Sequence[Sealed]:
    """In the order of tenants, each row locked to the end: who stores a new pair waits."""
    found = (
        select(
            credentials.c.tenant_id,
            credentials.c.access_token_ciphertext,
            credentials.c.refresh_token_ciphertext,
        )
        .where(credentials.c.tenant_id > after, _sealed_otherwise(header))
        .order_by(credentials.c.tenant_id)
        .limit(at_most)
        .with_for_update()
    )
    return [Sealed(*row) for row in await tx.execute(found)]


async def count_sealed_otherwise(tx: Transaction, header: bytes) -> int:
    counted = select(func.count()).select_from(credentials).where(_sealed_otherwise(header))
    return int(await tx.scalar(counted) or 0)


async def save_sealed(tx: Transaction, rows: Sequence[Sealed]) -> None:
    """The same tokens, sealed anew. The caller has locked the rows."""
    if not rows:
        return
    saved = (
        update(credentials)
        .where(credentials.c.tenant_id == bindparam("of_tenant"))
        .values(
            access_token_ciphertext=bindparam("access"),
            refresh_token_ciphertext=bindparam("refresh"),
        )
    )
    names = ("of_tenant", "access", "refresh")
    await tx.execute(saved, [dict(zip(names, row, strict=True)) for row in rows])


def _sealed_otherwise(header: bytes) -> ColumnElement[bool]:
    columns = (credentials.c.access_token_ciphertext, credentials.c.refresh_token_ciphertext)
    return or_(*(func.substr(column, 1, len(header)) != header for column in columns))
