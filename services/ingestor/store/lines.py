"""Order lines, and what each product sold.

Lines have no version of their own: they are the lines of the copy that won.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.store.orders import WrittenOrder
from services.ingestor.store.rollups import PRODUCT_SALES
from services.ingestor.store.statements import (
    Given,
    arrays,
    column_arrays,
    differs,
    given,
    names,
    run,
    taken,
    with_parts,
)

_DATA = {
    "product_id": "bigint",
    "variant_id": "bigint",
    "title": "text",
    "sku": "text",
    "quantity": "bigint",
    "current_quantity": "bigint",
    "total": "numeric",
    "discounts": "numeric",
}
_COLUMNS = {
    "tenant_id": "uuid",
    "order_id": "bigint",
    "currency": "text",
    "counted": "boolean",
    "id": "bigint",
    **_DATA,
}
_HELD = ("currency", "counted", *_DATA)
_ORDERS = {"tenant_id": "uuid", "order_id": "bigint"}


def _add(rows: str) -> str:
    return with_parts(
        "\n".join(
            (
                f"written AS (INSERT INTO store.order_lines ({names(_COLUMNS)})",
                f"SELECT {names(_COLUMNS)}",
                f"FROM {rows} ORDER BY tenant_id, order_id, id",
                "RETURNING tenant_id, product_id, currency, quantity, total, discounts, counted)",
            )
        ),
        """line_images AS (
            SELECT tenant_id, product_id, currency, quantity AS units, total AS gross, discounts
            FROM written WHERE counted)""",
        PRODUCT_SALES,
        answer="SELECT true AS written",
    )


_ADD = Given("lines", _COLUMNS, _add)

_REPLACE = with_parts(
    given(_COLUMNS),
    "\n".join(
        (
            "removed AS (DELETE FROM store.order_lines AS held USING (",
            "SELECT present.tenant_id, present.order_id, present.id",
            f"FROM {arrays(_ORDERS, 'touched', first=len(_COLUMNS) + 1)}",
            "JOIN store.order_lines AS present USING (tenant_id, order_id)",
            "EXCEPT SELECT tenant_id, order_id, id FROM given) AS gone",
            "WHERE held.tenant_id = gone.tenant_id AND held.order_id = gone.order_id",
            "AND held.id = gone.id",
            "RETURNING held.*)",
        )
    ),
    "\n".join(
        (
            f"written AS (INSERT INTO store.order_lines AS held ({names(_COLUMNS)})",
            f"SELECT {names(_COLUMNS)}",
            "FROM given ORDER BY tenant_id, order_id, id",
            f"ON CONFLICT (tenant_id, order_id, id) DO UPDATE SET {taken(_HELD)}",
            f"WHERE {differs(_HELD, 'held.', 'excluded.')}",
            "RETURNING",
            ", ".join(f"old.{name} AS old_{name}, new.{name} AS new_{name}" for name in _COLUMNS),
            ")",
        )
    ),
    """line_images AS (
        SELECT new_tenant_id AS tenant_id, new_product_id AS product_id, new_currency AS currency,
            new_quantity AS units, new_total AS gross, new_discounts AS discounts
        FROM written WHERE new_counted
        UNION ALL
        SELECT old_tenant_id, old_product_id, old_currency,
            -old_quantity, -old_total, -old_discounts
        FROM written WHERE old_counted
        UNION ALL
        SELECT tenant_id, product_id, currency, -quantity, -total, -discounts
        FROM removed WHERE counted)""",
    PRODUCT_SALES,
    answer="SELECT tenant_id FROM removed UNION SELECT new_tenant_id FROM written",
)

_FIELDS = ("id", *_DATA)


async def write_lines(tx: Transaction, orders: Sequence[WrittenOrder]) -> set[UUID]:
    """Give each order the lines of its copy. Returns the tenants whose lines changed."""
    if arguments := _arguments([order for order in orders if order.inserted]):
        await _ADD.run(tx, *arguments)
    held = [order for order in orders if not order.inserted]
    if not held:
        return set()
    arguments = _arguments(held) or tuple([] for _ in _COLUMNS)
    touched = ([order.tenant_id for order in held], [order.order.id for order in held])
    return {row.tenant_id for row in await run(tx, _REPLACE, *arguments, *touched)}


def _arguments(orders: Sequence[WrittenOrder]) -> tuple[Any, ...]:
    """One array a column; none at all when there is no line."""
    lines = [line for written in orders for line in written.order.lines]
    if not lines:
        return ()
    owners = [
        (written.tenant_id, written.order.id, written.order.currency, written.counted)
        for written in orders
        for _ in written.order.lines
    ]
    return (*zip(*owners, strict=True), *column_arrays(_COLUMNS, _FIELDS, lines))
