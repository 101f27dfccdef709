"""Refunds: added once, dated on their own day, and following their order's currency and fate.

One whose amount a delivery cannot tell is kept as `untold`, with nothing, until it is read. An
amount is replaced by a newer one from a pull, or from a delivery that tells the refund's payments:
one that is pending gives nothing back yet. A delivery that cannot tell the amount, but that a
payment has succeeded or failed since, makes the refund `untold` again.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.errors import TransientError
from services.ingestor.facts import ZERO
from services.ingestor.store.days import day_of
from services.ingestor.store.folding import SeenRefund
from services.ingestor.store.orders import WrittenOrder
from services.ingestor.store.rollups import DAILY_SALES, REFUND_IMAGES
from services.ingestor.store.statements import given, run, with_parts

_Key: TypeAlias = tuple[UUID, int]


class OrderMissingError(TransientError):
    """Refunds came before their orders: later they can be applied. `orders` are tenant and id."""

    def __init__(self, orders: Set[_Key]) -> None:
        tenants = sorted({str(tenant) for tenant, _ in orders})
        super().__init__("a refund's order is not there yet", tenants=tenants)
        self.orders = frozenset(orders)


class _Owner(NamedTuple):
    """What a refund takes from its order."""

    currency: str
    counted: bool
    deleted: bool = False

    @classmethod
    def of(cls, written: WrittenOrder) -> "_Owner":
        return cls(written.order.currency, written.counted)


_COLUMNS = {
    "tenant_id": "uuid",
    "order_id": "bigint",
    "id": "bigint",
    "created_at": "timestamptz",
    "amount": "numeric",
    "untold": "boolean",
    "observed_at": "timestamptz",
    "settles": "boolean",
    "pays": "boolean",
    "currency": "text",
    "counted": "boolean",
}

_ORDERS = """SELECT tenant_id, id, currency, counted, deleted_at FROM store.orders
    WHERE tenant_id = ANY ($1::uuid[]) AND id = ANY ($2::bigint[])"""

_ADD = with_parts(
    given(_COLUMNS),
    f"""written AS (
        INSERT INTO store.refunds
            (tenant_id, order_id, id, created_at, day, amount, untold, currency, counted,
            observed_at)
        SELECT given.tenant_id, given.order_id, given.id, given.created_at,
            {day_of("given.created_at", "given.observed_at")},
            given.amount, given.untold, given.currency, given.counted, given.observed_at
        FROM given JOIN store.shops AS shop ON shop.tenant_id = given.tenant_id
        ORDER BY given.tenant_id, given.order_id, given.id
        ON CONFLICT (tenant_id, order_id, id) DO NOTHING
        RETURNING tenant_id, day, currency, amount, counted)""",  # noqa: S608
    """mended AS (
        UPDATE store.refunds AS held
        SET amount = CASE WHEN given.untold THEN held.amount ELSE given.amount END,
            untold = given.untold, observed_at = given.observed_at
        FROM given
        WHERE held.tenant_id = ANY ($1::uuid[]) AND held.order_id = ANY ($2::bigint[])
            AND held.tenant_id = given.tenant_id AND held.order_id = given.order_id
            AND held.id = given.id
            AND CASE WHEN given.untold
                THEN NOT held.untold AND given.settles AND held.observed_at < given.observed_at
                    AND given.pays <> (held.amount > 0)
                ELSE held.untold OR given.settles AND held.amount <> given.amount
                    AND held.observed_at < given.observed_at END
        RETURNING new.tenant_id, new.day, new.currency, new.counted,
            new.amount - old.amount AS amount)""",
    """refund_images AS (
        SELECT tenant_id, day, currency, amount AS refunded FROM written WHERE counted
        UNION ALL SELECT tenant_id, day, currency, amount FROM mended WHERE counted)""",
    REFUND_IMAGES,
    DAILY_SALES,
    answer="SELECT tenant_id FROM written UNION SELECT tenant_id FROM mended",
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
    tx: Transaction,
    refunds: Mapping[tuple[UUID, int, int], SeenRefund],
    written: Sequence[WrittenOrder],
) -> set[UUID]:
    """Returns the tenants that got a new refund, or another amount. Raises OrderMissingError.

    `written` are the orders that the batch has written: of them all is known.
    """
    if not refunds:
        return set()
    owners = {(each.tenant_id, each.order.id): _Owner.of(each) for each in written}
    if unknown := {key[:2] for key in refunds} - owners.keys():
        owners |= await _held(tx, unknown)
    # A refund of a deleted order is left out: the pull that lifts the tombstone brings it again.
    rows = [
        _row(key, seen, owners[key[:2]])
        for key, seen in refunds.items()
        if not owners[key[:2]].deleted
    ]
    if not rows:
        return set()
    return {row.tenant_id for row in await run(tx, _ADD, *zip(*rows, strict=True))}


def _row(key: tuple[UUID, int, int], seen: SeenRefund, owner: _Owner) -> tuple[Any, ...]:
    told = seen.refund.amount
    return (
        *(*key, seen.refund.created_at, str(ZERO if told is None else told), told is None),
        *(seen.observed_at, seen.settles, seen.refund.pays, owner.currency, owner.counted),
    )


async def _held(tx: Transaction, orders: Set[_Key]) -> dict[_Key, _Owner]:
    """Orders that are there, by tenant and id. Raises OrderMissingError."""
    tenants, ids = zip(*orders, strict=True)
    rows = await run(tx, _ORDERS, list(set(tenants)), ids)
    held = {
        (row.tenant_id, row.id): _Owner(row.currency, row.counted, row.deleted_at is not None)
        for row in rows
    }
    if missing := orders - held.keys():
        raise OrderMissingError(missing)
    return held


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
