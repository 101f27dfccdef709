"""Reads what the pages leave out: the orders with a refund that Shopify's search does not find.

It finds orders that are not simply paid, and a refund without money leaves its order so. Which of
these have refunds is in our own tables, as the sales of a pull come first; and each refund says
when a pull last read its lines. So no pull that fails loses any: they are still to be read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.logs import get_logger
from services.ingestor.facts import Observation
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify.pages import read_order
from services.ingestor.store.apply import apply_observations

_LOOKED_AT_AT_ONCE = 1_000
_READ_AT_ONCE = 50
"""Orders of which nothing is lost but time when the worker dies."""

# A refund that is made after the order was seen is not among the lines. The orders are named twice,
# for without statistics a fresh table's planner would read all refunds for each page.
_NOTE = text("""
UPDATE store.refunds AS held SET lines_read_at = :now
FROM unnest(CAST(:orders AS bigint[]), CAST(:seen AS timestamptz[])) AS read(order_id, seen_at)
WHERE held.tenant_id = :tenant_id AND held.order_id = ANY (CAST(:orders AS bigint[]))
    AND held.order_id = read.order_id
    AND coalesce(held.created_at, '-infinity') <= read.seen_at
""")

# A pull of all reads all again, whatever was read before it began. The orders are asked for once:
# joined, they would all be read for each refund, while a fresh table has no statistics.
_LEFT = text("""
WITH unread AS MATERIALIZED (
    SELECT DISTINCT refund.order_id
    FROM store.refunds AS refund
    JOIN store.pulls AS pull ON pull.tenant_id = refund.tenant_id AND pull.id = :pull_id
    WHERE refund.tenant_id = :tenant_id AND refund.order_id > :after
        AND (refund.lines_read_at IS NULL
            OR pull.scope = 'all' AND refund.lines_read_at < pull.started_at)
    ORDER BY refund.order_id LIMIT :at_most),
shown AS MATERIALIZED (
    SELECT owner.id FROM store.orders AS owner
    WHERE owner.tenant_id = :tenant_id AND owner.id = ANY (ARRAY(SELECT order_id FROM unread))
        AND owner.deleted_at IS NULL AND owner.financial_status = 'paid'
        AND (CAST(:since AS timestamptz) IS NULL OR owner.created_at >= :since))
SELECT order_id, order_id IN (SELECT id FROM shown) AS left_out FROM unread ORDER BY order_id
""")

log = get_logger()


async def note_read(tx: Transaction, tenant_id: UUID, seen: Mapping[int, datetime]) -> None:
    """The refunds of these orders were read with all their lines, as they were seen then."""
    given = {"tenant_id": tenant_id, "orders": list(seen), "seen": list(seen.values())}
    await tx.execute(_NOTE, given | {"now": utc_now()})


async def read_left_out(running: RunningEntity) -> None:
    """Apply what is below the orders that no page showed. Again, it goes on where it was."""
    if running.entity not in KINDS or not KINDS[running.entity].follows_refunds:
        return
    after: int | None = 0
    found = 0
    while after is not None:
        after, orders = await _left(running, after)
        for first in range(0, len(orders), _READ_AT_ONCE):
            await _read(running, orders[first : first + _READ_AT_ONCE])
        found += len(orders)
    log.info("left_out_read", entity=running.entity, orders=found)


async def orders_left(
    tx: Transaction, tenant_id: UUID, pull_id: UUID, after: int, since: datetime | None
) -> tuple[int | None, Sequence[int]]:
    """Some of the orders above `after`, created `since` then, that are left for this pull; and
    after which to look for more, unless there are none.
    """
    given = {"tenant_id": tenant_id, "pull_id": pull_id, "after": after, "since": since}
    rows = (await tx.execute(_LEFT, given | {"at_most": _LOOKED_AT_AT_ONCE})).all()
    return rows[-1].order_id if rows else None, [row.order_id for row in rows if row.left_out]


async def _left(running: RunningEntity, after: int) -> tuple[int | None, Sequence[int]]:
    claim, since = running.pull.claim, running.compared_since
    return await running.pull.write(
        lambda tx: orders_left(tx, claim.tenant_id, claim.pull_id, after, since)
    )


async def _read(running: RunningEntity, orders: Sequence[int]) -> None:
    pull, tenant_id = running.pull, running.pull.claim.tenant_id
    seen: dict[int, datetime] = {}
    batch: list[Observation] = []
    for order_id in orders:
        # One that is not shown has no lines for us, however often it is asked for.
        seen[order_id] = utc_now()
        if (found := await read_order(pull.client, running.entity, order_id)) is not None:
            fact, seen[order_id] = found
            batch.append(
                Observation(tenant_id=tenant_id, fact=fact, observed_at=seen[order_id], pulled=True)
            )

    async def work(tx: Transaction) -> Mapping[UUID, int]:
        versions = await apply_observations(tx, batch)
        await note_read(tx, tenant_id, seen)
        return versions

    versions = await running.apply_changes(len(batch), None, work, last=True)
    pull.progress.note_version(versions.get(tenant_id))
