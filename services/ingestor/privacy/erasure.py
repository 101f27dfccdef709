"""Erases a tenant from the store, in chunks that hold no lock for long.

First the tenant is closed: its shop, its schedule and its lock go, and a tombstone comes. Without
them no delivery and no pull can write a fact, and what still arrives is dropped by the tombstone,
which is all that stays.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Table,
    any_,
    delete,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.erasures import check_erasure_is_due
from libs.common.events.contracts import TenantErased
from libs.common.logs import get_logger
from libs.common.tables import store
from libs.common.tables.store import erasures
from libs.common.web.client import ServiceClient

_CHUNK = 5_000
# In the order of a pull, so that neither waits for the other in a circle.
_CLOSING = ("schedule", "shops", "versions")
_CHILDREN_FIRST = ("order_lines", "refunds", "orders")
"""A parent that goes before its children would take all of them in one statement."""

# A scan of the whole table would read again, in each chunk, what the chunks before left behind.
_BY_INDEX = text(
    "SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_seqscan', "
    "'enable_bitmapscan']) AS name"
)
_COUNT = text("""UPDATE store.erasures
    SET counts = counts || jsonb_build_object(
        CAST(:table AS text), coalesce((counts ->> :table)::bigint, 0) + :rows)
    WHERE tenant_id = :tenant_id""")

log = get_logger()


async def erase_tenant(event: TenantErased, engine: AsyncEngine, oauth: ServiceClient) -> None:
    """Delete every row of the tenant and report it to oauth, who then deletes the tenant.

    After a failure it goes on where it was. Raises PermanentError when oauth knows of no such
    erasure, and ServiceUnavailableError while oauth is away.
    """
    await check_erasure_is_due(oauth, event.tenant_id)
    counts = await erase_rows(engine, event.tenant_id, event.occurred_at)
    await oauth.ask(
        "POST",
        f"/internal/erasures/{event.tenant_id}",
        tenant_id=event.tenant_id,
        json={"counts": counts},
    )
    log.info("tenant_erased", tenant_id=str(event.tenant_id), rows=sum(counts.values()))


async def erase_rows(
    engine: AsyncEngine, tenant_id: UUID, requested_at: datetime, *, chunk: int = _CHUNK
) -> dict[str, int]:
    """How many rows of each table went, in this call and those before it."""

    async def close(tx: Transaction) -> None:
        await _close(tx, tenant_id, requested_at)

    await in_transaction(engine, close, tenants=[tenant_id])
    # Again, until there is nothing: a batch under way at the close may commit behind the first.
    while await _erase_tables(engine, tenant_id, chunk):
        pass
    async with transaction(engine, tenants=[tenant_id]) as tx:
        done = update(erasures).where(erasures.c.tenant_id == tenant_id)
        erased_at = func.coalesce(erasures.c.erased_at, utc_now())
        done = done.values(erased_at=erased_at).returning(erasures.c.counts)
        counts: dict[str, int] = await tx.scalar(done)
    return counts


async def erased_among(tx: Transaction, tenants: Collection[UUID]) -> set[UUID]:
    """Which of `tenants` are being erased or have been; `tx` was opened for all of them."""
    query = select(erasures.c.tenant_id).where(erasures.c.tenant_id.in_(tenants))
    return set(await tx.scalars(query))


async def _close(tx: Transaction, tenant_id: UUID, requested_at: datetime) -> None:
    """Waits for whoever writes facts of the tenant now; who comes later finds no shop."""
    tombstone = insert(erasures).values(tenant_id=tenant_id, requested_at=requested_at)
    await tx.execute(tombstone.on_conflict_do_nothing())
    for name in _CLOSING:
        table = store.metadata.tables[f"store.{name}"]
        gone = await tx.execute(delete(table).where(table.c.tenant_id == tenant_id))
        await _count(tx, table, tenant_id, gone.rowcount)


async def _erase_tables(engine: AsyncEngine, tenant_id: UUID, chunk: int) -> int:
    """How many rows there were."""
    rows = 0
    for table in _tables():
        while gone := await _erase_chunk(engine, table, tenant_id, chunk):
            rows += gone
    return rows


async def _erase_chunk(engine: AsyncEngine, table: Table, tenant_id: UUID, chunk: int) -> int:
    # The tenant is named again: in a partitioned table another row may have the same place.
    place: ColumnElement[Any] = literal_column("ctid")
    some = select(place).select_from(table).where(table.c.tenant_id == tenant_id).limit(chunk)
    statement = delete(table).where(
        table.c.tenant_id == tenant_id, place == any_(func.array(some.scalar_subquery()))
    )

    async def work(tx: Transaction) -> int:
        await tx.execute(_BY_INDEX)
        gone = (await tx.execute(statement)).rowcount
        await _count(tx, table, tenant_id, gone)
        return gone

    return await in_transaction(engine, work, tenants=[tenant_id])


async def _count(tx: Transaction, table: Table, tenant_id: UUID, rows: int) -> None:
    if rows:
        await tx.execute(_COUNT, {"table": table.name, "rows": rows, "tenant_id": tenant_id})


def _tables() -> list[Table]:
    """Every table that holds rows of a tenant, but the tombstones."""
    kept = {table for table in store.metadata.tables.values() if table is not erasures}
    first = [store.metadata.tables[f"store.{name}"] for name in _CHILDREN_FIRST]
    return [*first, *sorted(kept - set(first), key=lambda table: table.name)]
