"""Refunds: added once, dated on their own day, and following their order's currency and fate.

One whose amount a delivery cannot tell is kept as `untold`, with nothing, until it is read. What a
pull tells of an amount is the last word.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.errors import TransientError
from services.ingestor.facts import ZERO
from services.ingestor.store.folding import SeenRefund
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
    "untold": "boolean",
    "observed_at": "timestamptz",
    "pulled": "boolean",
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
            (tenant_id, order_id, id, created_at, day, amount, untold, currency, counted,
            observed_at)
        SELECT owned.tenant_id, owned.order_id, owned.id, owned.created_at,
            (owned.created_at AT TIME ZONE shop.zone)::date,
            owned.amount, owned.untold, owned.currency, owned.counted, owned.observed_at
        FROM owned JOIN store.shops AS shop ON shop.tenant_id = owned.tenant_id
        WHERE NOT owned.missing AND owned.deleted_at IS NULL
        ORDER BY owned.tenant_id, owned.order_id, owned.id
        ON CONFLICT (tenant_id, order_id, id) DO NOTHING
        RETURNING tenant_id, day, currency, amount, counted)""",
    """mended AS (
        UPDATE store.refunds AS held
        SET amount = given.amount, untold = false, observed_at = given.observed_at
        FROM given
        WHERE held.tenant_id = ANY ($1::uuid[]) AND held.order_id = ANY ($2::bigint[])
            AND held.tenant_id = given.tenant_id AND held.order_id = given.order_id
            AND held.id = given.id AND NOT given.untold
            AND (held.untold OR given.pulled AND held.amount <> given.amount
                AND held.observed_at < given.observed_at)
        RETURNING new.tenant_id, new.day, new.currency, new.counted,
            new.amount - old.amount AS amount)""",
    """refund_images AS (
        SELECT tenant_id, day, currency, amount AS refunded FROM written WHERE counted
        UNION ALL SELECT tenant_id, day, currency, amount FROM mended WHERE counted)""",
    REFUND_IMAGES,
    DAILY_SALES,
    answer="""SELECT tenant_id, false AS missing FROM written
        UNION SELECT tenant_id, false FROM mended
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
    tx: Transaction, refunds: Mapping[tuple[UUID, int, int], SeenRefund]
) -> set[UUID]:
    """Returns the tenants that got a new refund, or another amount. Raises OrderMissingError."""
    if not refunds:
        return set()
    tenants, orders, ids = zip(*refunds, strict=True)
    found, observed, pulled = zip(*refunds.values(), strict=True)
    rows = await run(
        tx,
        _ADD,
        tenants,
        orders,
        ids,
        [refund.created_at for refund in found],
        amount_texts(ZERO if refund.amount is None else refund.amount for refund in found),
        [refund.amount is None for refund in found],
        observed,
        pulled,
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
