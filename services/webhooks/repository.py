"""All SQL of the webhooks service: the shop directory, read only, and the spool."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, transaction
from libs.common.messaging.records import NO_TENANT, decode_records
from libs.common.messaging.topology import Lane
from libs.common.tables.intake import spool
from libs.common.tables.tenancy import shop_directory

_SHOP_COLUMNS = (
    shop_directory.c.domain,
    shop_directory.c.tenant_id,
    shop_directory.c.status,
    shop_directory.c.updated_at,
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A line of the directory. A disconnected shop is known all the same."""

    domain: str
    tenant_id: UUID
    status: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Spooled:
    """A delivery that waits for the broker; `message` carries it alone."""

    id: int
    lane: Lane
    message: bytes


async def find_shop(engine: AsyncEngine, domain: str) -> Shop | None:
    query = select(*_SHOP_COLUMNS).where(shop_directory.c.domain == domain)
    async with transaction(engine) as tx:
        row = (await tx.execute(query)).one_or_none()
    return None if row is None else Shop(*row)


async def list_shops(engine: AsyncEngine, *, changed_since: datetime | None = None) -> list[Shop]:
    """Every shop, or those whose line was written at or after `changed_since`."""
    query = select(*_SHOP_COLUMNS)
    if changed_since is not None:
        query = query.where(shop_directory.c.updated_at >= changed_since)
    async with transaction(engine) as tx:
        return [Shop(*row) for row in await tx.execute(query)]


async def count_shops(engine: AsyncEngine) -> int:
    async with transaction(engine) as tx:
        return (await tx.execute(select(func.count()).select_from(shop_directory))).scalar_one()


async def add_to_spool(engine: AsyncEngine, lane: Lane, messages: Sequence[bytes]) -> None:
    """Each of `messages` carries one delivery."""
    rows = [
        {"lane": lane.value, "record": message, "tenant_id": _tenant_of(message)}
        for message in messages
    ]
    async with transaction(engine) as tx:
        await tx.execute(insert(spool), rows)


def _tenant_of(message: bytes) -> UUID | None:
    [record] = decode_records(message)
    return None if record.tenant_id == NO_TENANT else record.tenant_id


async def drop_spooled_of_unknown(engine: AsyncEngine) -> int:
    """Delete what waits for tenants that are in the directory no more: they were erased."""
    known = exists().where(shop_directory.c.tenant_id == spool.c.tenant_id)
    orphans = select(spool.c.id).where(spool.c.tenant_id.is_not(None), ~known)
    # What a relay holds right now goes to the queue, where the ingestor drops it.
    free = orphans.with_for_update(of=spool, skip_locked=True)
    async with transaction(engine) as tx:
        return (await tx.execute(delete(spool).where(spool.c.id.in_(free)))).rowcount


async def lock_oldest(tx: Transaction, *, rows: int, most_bytes: int) -> list[Spooled]:
    """The oldest deliveries nobody else relays, at least one if there is any."""
    size = func.octet_length(spool.c.record).label("size")
    candidates = await tx.execute(
        select(spool.c.id, size).order_by(spool.c.id).limit(rows).with_for_update(skip_locked=True)
    )
    chosen: list[int] = []
    total = 0
    for row in candidates:
        total += row.size
        if chosen and total > most_bytes:
            break
        chosen.append(row.id)
    if not chosen:
        return []
    found = await tx.execute(
        select(spool.c.id, spool.c.lane, spool.c.record)
        .where(spool.c.id.in_(chosen))
        .order_by(spool.c.id)
    )
    return [Spooled(row.id, Lane(row.lane), row.record) for row in found]


async def remove_from_spool(tx: Transaction, ids: Sequence[int]) -> None:
    await tx.execute(delete(spool).where(spool.c.id.in_(ids)))
