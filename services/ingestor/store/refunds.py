"""Refunds: added once, dated on their own day, and following their order's currency and fate."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.errors import TransientError
from services.ingestor.facts import Refund
from services.ingestor.store.orders import WrittenOrder
from services.ingestor.store.rollups import DAILY_SALES, REFUND_IMAGES
from services.ingestor.store.statements import amount_texts, given, run, with_parts


class OrderMissingError(TransientError):
    """A refund came before its order: later it can be applied."""


_COLUMNS = {
    "tenant_id": "uuid",
    "order_id": "bigint",
    "id": "bigint",
    "created_at": "timestamptz",
    "amount": "numeric",
    "observed_at": "timestamptz",
}

# A refund of a deleted order is left out: the pull that lifts the tombstone brings it again.
# The orders are read once, before they are joined: for want of statistics a fresh table's planner
# would read all orders of the tenant for each refund.
_ADD = with_parts(
    given(_COLUMNS),
    """held AS MATERIALIZED (
        SELECT tenant_id, id, currency, counted, deleted_at FROM store.orders
        WHERE tenant_id = ANY ($1::uuid[]) AND id = ANY ($2::bigint[]))""",
    """owned AS (
        SELECT given.*, held.currency, held.counted, held.deleted_at, held.id IS NULL AS missing
        FROM given LEFT JOIN held
            ON held.tenant_id = given.tenant_id AND held.id = given.order_id)""",
    """written AS (
        INSERT INTO store.refunds
            (tenant_id, order_id, id, created_at, day, amount, currency, counted, observed_at)
        SELECT owned.tenant_id, owned.order_id, owned.id, owned.created_at,
            (owned.created_at AT TIME ZONE shop.zone)::date,
            owned.amount, owned.currency, owned.counted, owned.observed_at
        FROM owned JOIN store.shops AS shop ON shop.tenant_id = owned.tenant_id
        WHERE NOT owned.missing AND owned.deleted_at IS NULL
        ORDER BY owned.tenant_id, owned.order_id, owned.id
        ON CONFLICT (tenant_id, order_id, id) DO NOTHING
        RETURNING tenant_id, day, currency, amount, counted)""",
    """refund_images AS (
        SELECT tenant_id, day, currency, amount AS refunded FROM written WHERE counted)""",
    REFUND_IMAGES,
    DAILY_SALES,
    answer="""SELECT tenant_id, false AS missing FROM written
        UNION SELECT tenant_id, true FROM owned WHERE missing""",
)

_FOLLOW = with_parts(
    given({"tenant_id": "uuid", "id": "bigint", "currency": "text", "counted": "boolean"}),
    """written AS (
        UPDATE store.refunds AS held SET currency = given.currency, counted = given.counted
        FROM given
        WHERE held.tenant_id = given.tenant_id AND held.order_id = given.id
            AND (held.currency, held.counted) IS DISTINCT FROM (given.currency, given.counted)
        RETURNING new.tenant_id, new.day, new.amount,
            old.currency AS old_currency, old.counted AS old_counted,
            new.currency AS new_currency, new.counted AS new_counted)""",
    """refund_images AS (
        SELECT tenant_id, day, new_currency AS currency, amount AS refunded
        FROM written WHERE new_counted
        UNION ALL
        SELECT tenant_id, day, old_currency, -amount FROM written WHERE old_counted)""",
    REFUND_IMAGES,
    DAILY_SALES,
    answer="SELECT",
)


async def add_refunds(
    tx: Transaction, refunds: Mapping[tuple[UUID, int, int], tuple[Refund, datetime]]
) -> set[UUID]:
    """Returns the tenants that got a new refund. Raises OrderMissingError."""
    if not refunds:
        return set()
    tenants, orders, ids = zip(*refunds, strict=True)
    rows = await run(
        tx,
        _ADD,
        tenants,
        orders,
        ids,
        [refund.created_at for refund, _ in refunds.values()],
        amount_texts(refund.amount for refund, _ in refunds.values()),
        [observed for _, observed in refunds.values()],
    )
    if missing := {str(row.tenant_id) for row in rows if row.missing}:
        raise OrderMissingError("a refund's order is not there yet", tenants=sorted(missing))
    return {row.tenant_id for row in rows}


async def move_refunds(tx: Transaction, orders: Sequence[WrittenOrder]) -> None:
    """Let the refunds of orders that moved take their currency and whether they count."""
    moved = [order for order in orders if order.moved and not order.inserted]
    if moved:
        arguments = (
            [order.tenant_id for order in moved],
            [order.order.id for order in moved],
            [order.order.currency for order in moved],
            [order.counted for order in moved],
        )
        await tx.exec_driver_sql(_FOLLOW, arguments)
