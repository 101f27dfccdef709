"""Orders: written newest-wins, with the day and customer rollups moved in the same statement."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.facts import Customer, Order
from services.ingestor.store.days import day_of
from services.ingestor.store.entities import touch, touch_statement
from services.ingestor.store.folding import Newest
from services.ingestor.store.rollups import (
    CUSTOMER_SALES,
    DAILY_SALES,
    ENTITY_COUNTS,
    ORDER_COUNT_IMAGES,
    ORDER_IMAGES,
    count_images,
)
from services.ingestor.store.statements import (
    NEWER,
    Given,
    arrays,
    column_arrays,
    differs,
    names,
    run,
    taken,
    with_parts,
)

_DATA = {
    "name": "text",
    "customer_id": "bigint",
    "processed_at": "timestamptz",
    "currency": "text",
    "presentment_currency": "text",
    "total": "numeric",
    "current_total": "numeric",
    "presentment_total": "numeric",
    "subtotal": "numeric",
    "discounts": "numeric",
    "taxes": "numeric",
    "shipping": "numeric",
    "financial_status": "text",
    "fulfillment_status": "text",
    "test": "boolean",
    "cancelled_at": "timestamptz",
    "created_at": "timestamptz",
}
_COLUMNS = {
    "tenant_id": "uuid",
    "id": "bigint",
    **_DATA,
    "updated_at": "timestamptz",
    "units": "bigint",
    "observed_at": "timestamptz",
    "pulled_at": "timestamptz",
}
_CUT = ("day", "counted")
_TAKEN = (*_DATA, "updated_at", "units", "observed_at", *_CUT)
_SEEN = (*_DATA, "units", *_CUT)
_IMAGE = (
    "day",
    "currency",
    "customer_id",
    "units",
    "total",
    "subtotal",
    "discounts",
    "taxes",
    "shipping",
    "counted",
)
IMAGES = ", ".join(
    f"old.{column} AS old_{column}, new.{column} AS new_{column}" for column in _IMAGE
)
"""The RETURNING list that ORDER_IMAGES reads."""


def _upsert(rows: str) -> str:
    return with_parts(
        "\n".join(
            (
                f"written AS (INSERT INTO store.orders AS held ({names((*_COLUMNS, *_CUT))})",
                f"SELECT {names(_COLUMNS, 'given.')},",
                f"{day_of('given.processed_at', 'given.observed_at')},",
                "NOT given.test OR shop.include_test_orders",
                f"FROM {rows}",
                "JOIN store.shops AS shop ON shop.tenant_id = given.tenant_id",
                "ORDER BY given.tenant_id, given.id",
                f"ON CONFLICT (tenant_id, id) DO UPDATE SET {taken(_TAKEN)}, deleted_at = NULL,",
                "pulled_at = greatest(held.pulled_at, excluded.pulled_at)",
                f"WHERE {NEWER}",
                f"RETURNING new.tenant_id, new.id, {IMAGES}, old.id IS NULL AS inserted,",
                f"old.id IS NULL OR {differs(_SEEN, 'old.', 'new.')} AS changed)",
            )
        ),
        ORDER_IMAGES,
        "daily_images AS (SELECT * FROM order_images)",
        ORDER_COUNT_IMAGES,
        DAILY_SALES,
        CUSTOMER_SALES,
        ENTITY_COUNTS,
        answer="""SELECT tenant_id, inserted, changed, new_counted AS counted,
            (old_currency, old_counted) IS DISTINCT FROM (new_currency, new_counted) AS moved,
            array_agg(id) AS ids
            FROM written GROUP BY 1, 2, 3, 4, 5""",
    )


_UPSERT = Given("orders", _COLUMNS, _upsert)

_TOUCH = touch_statement("orders", ", counted", ", false")

_STAND_INS = {
    "tenant_id": "uuid",
    "id": "bigint",
    "email": "text",
    "first_name": "text",
    "last_name": "text",
    "created_at": "timestamptz",
}


_ADD_STAND_INS = with_parts(
    "\n".join(
        (
            "written AS (INSERT INTO store.customers",
            f"({names(_STAND_INS)}, updated_at, observed_at)",
            f"SELECT {names(_STAND_INS)}, '-infinity', '-infinity'",
            f"FROM {arrays(_STAND_INS)} ORDER BY tenant_id, id",
            "ON CONFLICT (tenant_id, id) DO NOTHING RETURNING tenant_id)",
        )
    ),
    count_images("customers", 1, "true"),
    ENTITY_COUNTS,
    answer="SELECT DISTINCT tenant_id FROM written",
)
_KNOWN = """SELECT tenant_id, array_agg(id) AS ids FROM store.customers
    WHERE tenant_id = ANY ($1::uuid[]) AND id = ANY ($2::bigint[]) GROUP BY tenant_id"""

_FIELDS = ("id", *_DATA, "updated_at")
_person = attrgetter("email", "first_name", "last_name", "created_at")
_NOBODY = (None, None, None, None)


class WrittenOrder(NamedTuple):
    """An order whose row was written; `moved` when its lines and refunds must follow it."""

    tenant_id: UUID
    order: Order
    inserted: bool
    changed: bool
    counted: bool
    moved: bool


async def write_orders(tx: Transaction, newest: Newest[Order]) -> Sequence[WrittenOrder]:
    """Returns the orders that were new or newer than what was there."""
    if not newest.copies:
        return ()
    keys = list(newest.copies)
    orders, observed = zip(*newest.copies.values(), strict=True)
    rows = await _UPSERT.run(
        tx,
        [key[0] for key in keys],
        *column_arrays(_COLUMNS, _FIELDS, orders),
        [sum([line.quantity for line in order.lines]) for order in orders],
        observed,
        [newest.pulled.get(key) for key in keys],
    )
    if sum(len(row.ids) for row in rows) < len(keys):
        await touch(tx, _TOUCH, newest.pulled)
    copies = newest.copies
    return [
        WrittenOrder(tenant, copies[tenant, number][0], *fate)
        for tenant, *fate, ids in rows
        for number in ids
    ]


async def add_stand_ins(tx: Transaction, newest: Newest[Order]) -> set[UUID]:
    """Make sure that the customer of each order is there; never overwrite one that is.

    A stand-in holds the copy inside the order, if any, and is older than every observation.
    """
    people: dict[tuple[UUID, int], Customer | None] = {}
    for (tenant, _), (order, _) in newest.copies.items():
        if order.customer_id is not None:
            key = (tenant, order.customer_id)
            people[key] = people.get(key) or order.customer
    if not people:
        return set()
    # Hardly ever is one missing, and to try to insert all of them costs more than to look.
    tenants, ids = zip(*people, strict=True)
    known = {row.tenant_id: set(row.ids) for row in await run(tx, _KNOWN, list(set(tenants)), ids)}
    added = [
        (tenant, number, *(_person(person) if person else _NOBODY))
        for (tenant, number), person in people.items()
        if number not in known.get(tenant, ())
    ]
    if not added:
        return set()
    rows = await run(tx, _ADD_STAND_INS, *zip(*added, strict=True))
    return {row.tenant_id for row in rows}
