"""SQL of this service outside `store/` (facts and rollups) and `pulls/`."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from libs.common.database.transaction import Transaction
from libs.common.tables import store

_ADD_APPLIED = """INSERT INTO store.applied_deliveries (tenant_id, day, delivery_id)
    SELECT given.tenant_id, given.day, given.delivery_id
    FROM unnest($1::uuid[], $2::date[], $3::text[]) AS given(tenant_id, day, delivery_id)
    ORDER BY given.tenant_id, given.day, given.delivery_id
    ON CONFLICT (tenant_id, day, delivery_id) DO NOTHING
    RETURNING tenant_id, day, delivery_id"""

AppliedKey = tuple[UUID, date, str]


async def add_applied(tx: Transaction, keys: Iterable[AppliedKey]) -> set[AppliedKey]:
    """Which of `keys` had not been applied before. Waits for a transaction that applies one now."""
    columns = tuple(zip(*keys, strict=True))
    if not columns:
        return set()
    rows = await tx.exec_driver_sql(_ADD_APPLIED, columns)
    return {(row.tenant_id, row.day, row.delivery_id) for row in rows}


async def turn_applied_deliveries(tx: Transaction) -> None:
    """Make the partitions of the coming days and drop those past their time."""
    await tx.execute(text("SELECT store.turn_applied_deliveries()"))


async def add_dead_letter(tx: Transaction, values: dict[str, Any]) -> None:
    await tx.execute(insert(store.dead_letters).values(values).on_conflict_do_nothing())


async def read_shop(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    shops = store.shops.c
    query = select(shops.name, shops.currency, shops.zone, shops.history_since)
    return (await tx.execute(query.where(shops.tenant_id == tenant_id))).one_or_none()


async def read_version(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    versions = store.versions.c
    query = select(versions.version, versions.changed_at)
    return (await tx.execute(query.where(versions.tenant_id == tenant_id))).one_or_none()


async def read_newest_pull(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    pulls = store.pulls
    query = select(pulls).where(pulls.c.tenant_id == tenant_id)
    newest = query.order_by(pulls.c.requested_at.desc(), pulls.c.id.desc()).limit(1)
    return (await tx.execute(newest)).one_or_none()


async def read_pull_entities(
    tx: Transaction, tenant_id: UUID, pull_id: UUID
) -> Sequence[Row[*tuple[Any, ...]]]:
    entities = store.pull_entities.c
    marks = entities.checkpoint["marks"].label("marks")
    query = select(entities.entity, entities.state, entities.done, entities.expected, marks)
    mine = query.where(entities.tenant_id == tenant_id, entities.pull_id == pull_id)
    return (await tx.execute(mine)).all()
