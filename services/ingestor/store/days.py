"""The business day of an order or a refund: its date in the shop's zone, or none.

Before 1990, or after tomorrow, nobody sold anything: such a date is a fault of who wrote it. It is
kept as told, and has no day, so that it counts in totals of all time and stretches no chart. What
is "tomorrow" moves on: it is looked at when the object is written, when the tenant is recut, and by
`date_due`; until then a date that has become possible has no day. A day once given stays possible.
"""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from services.ingestor.store.rollups import DAILY_MEASURES, DAILY_SALES
from services.ingestor.store.statements import names, run, with_parts
from services.ingestor.store.tenants import lock_known_tenants, raise_versions

_FIRST: Final = "DATE '1990-01-01'"


def day_of(moment: str, seen: str) -> str:
    """The SQL of the day of column `moment`, in the zone of `shop`; `seen` is when it was told.

    Both are this statement's own texts. Shopify's clock may be ahead of ours.
    """
    day = f"({moment} AT TIME ZONE shop.zone)::date"
    return f"CASE WHEN {day} BETWEEN {_FIRST} AND {_tomorrow(seen)} THEN {day} END"


def wrong_day(day: str, moment: str, seen: str) -> str:
    """The SQL of whether `day` is none that `day_of` can have given, now or before."""
    date = f"({moment} AT TIME ZONE shop.zone)::date"
    told = f"({seen} AT TIME ZONE shop.zone)::date + 1"
    return f"""CASE WHEN {day} IS NULL
        THEN coalesce({date} BETWEEN {_FIRST} AND {told}, false)
        ELSE {day} IS DISTINCT FROM {day_of(moment, seen)} END"""


def _tomorrow(seen: str) -> str:
    return f"(greatest({seen}, now()) AT TIME ZONE shop.zone)::date + 1"


_TENANTS_AT_ONCE: Final = 500
_TENANTS = """SELECT tenant_id FROM store.schedule WHERE tenant_id > $1
    ORDER BY tenant_id LIMIT $2"""
_WITH_UNDATED = """SELECT tenant_id FROM store.undated_sales
    WHERE tenant_id = ANY ($1::uuid[]) AND (orders <> 0 OR refunded <> 0)
    GROUP BY tenant_id ORDER BY tenant_id"""

_MEASURES = names(DAILY_MEASURES)

_DATE_DUE = with_parts(
    f"""dated AS (
        UPDATE store.orders AS held SET day = {day_of("held.processed_at", "held.observed_at")}
        FROM store.shops AS shop
        WHERE held.tenant_id = $1 AND shop.tenant_id = $1 AND held.day IS NULL
            AND held.deleted_at IS NULL
            AND {day_of("held.processed_at", "held.observed_at")} IS NOT NULL
        RETURNING held.*)""",  # noqa: S608
    f"""dated_refunds AS (
        UPDATE store.refunds AS held SET day = {day_of("held.created_at", "held.observed_at")}
        FROM store.shops AS shop
        WHERE held.tenant_id = $1 AND shop.tenant_id = $1 AND held.day IS NULL
            AND {day_of("held.created_at", "held.observed_at")} IS NOT NULL
        RETURNING held.*)""",  # noqa: S608
    """moved AS (
        SELECT tenant_id, day, currency, 1 AS orders, units, total AS revenue,
            subtotal + discounts AS gross, discounts, taxes, shipping, 0::numeric AS refunded
        FROM dated WHERE counted
        UNION ALL
        SELECT tenant_id, day, currency, 0, 0, 0, 0, 0, 0, 0, amount
        FROM dated_refunds WHERE counted)""",
    f"""daily_images AS (
        SELECT tenant_id, day, currency, {_MEASURES} FROM moved
        UNION ALL
        SELECT tenant_id, NULL, currency, {names(DAILY_MEASURES, "-")} FROM moved)""",  # noqa: S608
    DAILY_SALES,
    answer="SELECT tenant_id FROM dated UNION SELECT tenant_id FROM dated_refunds",
)


async def date_due(engine: AsyncEngine) -> int:
    """Give their day to what has a date that has become possible, of every tenant.

    Returns of how many tenants there was any. Each tenant is a transaction of its own.
    """
    dated = 0
    after = UUID(int=0)
    while True:
        async with transaction(engine) as tx:
            known = [row.tenant_id for row in await run(tx, _TENANTS, after, _TENANTS_AT_ONCE)]
        if not known:
            return dated
        async with transaction(engine, tenants=known) as tx:
            undated = [row.tenant_id for row in await run(tx, _WITH_UNDATED, known)]
        for tenant_id in undated:
            dated += await _date_due_of(engine, tenant_id)
        after = known[-1]


async def _date_due_of(engine: AsyncEngine, tenant_id: UUID) -> bool:
    async def work(tx: Transaction) -> bool:
        if not await lock_known_tenants(tx, [tenant_id]):
            return False
        changed = {row.tenant_id for row in await run(tx, _DATE_DUE, tenant_id)}
        await raise_versions(tx, changed)
        return bool(changed)

    return await in_transaction(engine, work, tenants=[tenant_id])
