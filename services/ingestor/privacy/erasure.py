"""Erases a tenant from the store, in chunks that hold no lock for long.

The event writes a tombstone and a task, and what follows is a worker's. First the tenant is closed:
its shop, its schedule and its lock go. Without them no delivery and no pull can write a fact, and
what still arrives is dropped by the tombstone, which is all that stays.
"""

from collections.abc import Awaitable, Callable, Collection
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
from libs.common.tables.store import erasures, tasks
from libs.common.web.client import ServiceClient
from services.ingestor.tasks.repository import (
    Task,
    TaskKind,
    add_task,
    drop_other_tasks,
    finish_task,
    hold_task,
)

Hold = Callable[[Transaction], Awaitable[None]]

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


async def queue_erasure(event: TenantErased, engine: AsyncEngine, oauth: ServiceClient) -> None:
    """Write the tombstone, and have every row of the tenant deleted by a worker.

    A replay changes nothing. Raises PermanentError when oauth knows of no such erasure, and
    ServiceUnavailableError while oauth is away.
    """
    erasure = await check_erasure_is_due(oauth, event.tenant_id)
    if erasure.state == "done":
        # It was, so our rows are gone and reported; the tenant is too, and can have no task.
        return

    async def work(tx: Transaction) -> None:
        await _add_tombstone(tx, event.tenant_id, event.occurred_at)
        await add_task(tx, event.tenant_id, TaskKind.ERASURE, event.tenant_id)

    await in_transaction(engine, work, tenants=[event.tenant_id])
    log.info("erasure_queued", tenant_id=str(event.tenant_id))


async def erase_tenant(task: Task, engine: AsyncEngine, oauth: ServiceClient) -> None:
    """Delete every row of the tenant and report it to oauth, who then deletes the tenant.

    After a failure it goes on where it was: what was deleted is counted, and a repeated report
    changes nothing. Raises TaskLostError, and ServiceUnavailableError while oauth is away.
    """
    tenant_id = task.tenant_id
    async with transaction(engine, tenants=[tenant_id]) as tx:
        query = select(erasures.c.requested_at).where(erasures.c.tenant_id == tenant_id)
        requested_at: datetime = (await tx.scalars(query)).one()

    async def hold(tx: Transaction) -> None:
        await hold_task(tx, task)

    counts = await erase_rows(engine, tenant_id, requested_at, hold=hold)
    await oauth.ask(
        "POST",
        f"/internal/erasures/{tenant_id}",
        tenant_id=tenant_id,
        json={"counts": counts},
    )
    # With the last report the tenant goes, and this row with it.
    async with transaction(engine) as tx:
        await finish_task(tx, task)
    log.info("tenant_erased", rows=sum(counts.values()))


async def _hold_nothing(_tx: Transaction) -> None:
    """For a caller who is alone."""


async def erase_rows(
    engine: AsyncEngine,
    tenant_id: UUID,
    requested_at: datetime,
    *,
    chunk: int = _CHUNK,
    hold: Hold = _hold_nothing,
) -> dict[str, int]:
    """How many rows of each table went, in this call and those before it.

    Each transaction calls `hold` last, which fails where the work is no longer the caller's.
    """

    async def close(tx: Transaction) -> None:
        await _close(tx, tenant_id, requested_at)
        await hold(tx)

    await in_transaction(engine, close, tenants=[tenant_id])
    # Again, until there is nothing: a batch under way at the close may commit behind the first.
    while await _erase_tables(engine, tenant_id, chunk, hold):
        pass
    async with transaction(engine, tenants=[tenant_id]) as tx:
        done = update(erasures).where(erasures.c.tenant_id == tenant_id)
        erased_at = func.coalesce(erasures.c.erased_at, utc_now())
        done = done.values(erased_at=erased_at).returning(erasures.c.counts)
        counts: dict[str, int] = await tx.scalar(done)
        await hold(tx)
    return counts


async def erased_among(tx: Transaction, tenants: Collection[UUID]) -> set[UUID]:
    """Which of `tenants` are being erased or have been; `tx` was opened for all of them."""
    query = select(erasures.c.tenant_id).where(erasures.c.tenant_id.in_(tenants))
    return set(await tx.scalars(query))


async def _add_tombstone(tx: Transaction, tenant_id: UUID, requested_at: datetime) -> None:
    tombstone = insert(erasures).values(tenant_id=tenant_id, requested_at=requested_at)
    await tx.execute(tombstone.on_conflict_do_nothing())


async def _close(tx: Transaction, tenant_id: UUID, requested_at: datetime) -> None:
    """Waits for whoever writes facts of the tenant now; who comes later finds no shop."""
    await _add_tombstone(tx, tenant_id, requested_at)
    for name in _CLOSING:
        table = store.metadata.tables[f"store.{name}"]
        gone = await tx.execute(delete(table).where(table.c.tenant_id == tenant_id))
        await _count(tx, table, tenant_id, gone.rowcount)
    await drop_other_tasks(tx, tenant_id, TaskKind.ERASURE)


async def _erase_tables(engine: AsyncEngine, tenant_id: UUID, chunk: int, hold: Hold) -> int:
    """How many rows there were."""
    rows = 0
    for table in _tables():
        while gone := await _erase_chunk(engine, table, tenant_id, chunk, hold):
            rows += gone
    return rows


async def _erase_chunk(
    engine: AsyncEngine, table: Table, tenant_id: UUID, chunk: int, hold: Hold
) -> int:
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
        await hold(tx)
        return gone

    return await in_transaction(engine, work, tenants=[tenant_id])


async def _count(tx: Transaction, table: Table, tenant_id: UUID, rows: int) -> None:
    if rows:
        await tx.execute(_COUNT, {"table": table.name, "rows": rows, "tenant_id": tenant_id})


def _tables() -> list[Table]:
    """Every table that holds rows of a tenant, but the tombstones and the work on them."""
    kept = {table for table in store.metadata.tables.values() if table not in (erasures, tasks)}
    first = [store.metadata.tables[f"store.{name}"] for name in _CHILDREN_FIRST]
    return [*first, *sorted(kept - set(first), key=lambda table: table.name)]
