"""Every SQL statement of this service: one named query, one number, answered from rollups.

Row-level security hides other tenants; each query says `tenant_id = ` all the same, for the plan
and as a second lock.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from services.analytics.metrics import CurrencySales

_DAYS = {"earliest": date(1990, 1, 1), "latest": date(2999, 12, 31)}
"""Beyond these the ingestor gives no order a day. A row of a release that did spoils no answer."""

_STAMP = text("""
    SELECT coalesce(v.version, 0) AS version, v.changed_at, s.currency, s.zone,
           coalesce(b.state, '') <> 'succeeded' AND coalesce(e.whole, 0) < 3 AS partial
    FROM (SELECT CAST(:tenant AS uuid) AS id) AS t
    LEFT JOIN store.versions v ON v.tenant_id = t.id
    LEFT JOIN store.shops s ON s.tenant_id = t.id
    LEFT JOIN LATERAL (
        SELECT p.id, p.state FROM store.pulls p
        WHERE p.tenant_id = t.id AND p.kind = 'backfill'
        ORDER BY p.requested_at DESC, p.id DESC LIMIT 1
    ) AS b ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS whole FROM store.pull_entities p
        WHERE p.tenant_id = t.id AND p.pull_id = b.id AND p.state = 'done'
            AND p.entity IN ('customers', 'orders', 'products')
            AND NOT coalesce((p.checkpoint ->> 'mismatch')::boolean, false)
    ) AS e ON true
""")
_RECORDS = text("SELECT entity, records FROM store.entity_counts WHERE tenant_id = :tenant")
_SALES_BY_CURRENCY = text("""
    SELECT currency, sum(orders)::bigint AS orders, sum(revenue) AS revenue,
           min(day) FILTER (WHERE orders > 0 AND day BETWEEN :earliest AND :latest) AS first_day,
           max(day) FILTER (WHERE orders > 0 AND day BETWEEN :earliest AND :latest) AS last_day
    FROM (
        SELECT currency, day, orders, revenue
        FROM store.daily_sales WHERE tenant_id = :tenant
        UNION ALL
        SELECT currency, NULL, orders, revenue
        FROM store.undated_sales WHERE tenant_id = :tenant) AS sales
    GROUP BY currency ORDER BY currency
""")
_UNDATED_SALES = text("""
    SELECT coalesce(sum(orders), 0)::bigint AS orders,
           coalesce(sum(revenue) FILTER (WHERE currency = :currency), 0) AS revenue
    FROM store.undated_sales WHERE tenant_id = :tenant
""")
# The date as text: it may be one that no Python date can hold.
_UNDATED_ORDERS = text("""
    SELECT o.id AS order_id, o.name,
           to_char(o.processed_at AT TIME ZONE s.zone, 'YYYY-MM-DD') AS date
    FROM store.orders o JOIN store.shops s ON s.tenant_id = o.tenant_id
    WHERE o.tenant_id = :tenant AND o.day IS NULL AND o.counted
    ORDER BY o.id DESC LIMIT :limit
""")
_TOP_CUSTOMERS = text("""
    SELECT s.customer_id, s.orders, s.revenue, c.first_name, c.last_name, c.email
    FROM store.customer_sales s
    LEFT JOIN store.customers c
        ON c.tenant_id = s.tenant_id AND c.id = s.customer_id AND c.deleted_at IS NULL
    WHERE s.tenant_id = :tenant AND s.currency = :currency AND s.orders > 0
    ORDER BY s.revenue DESC, s.customer_id LIMIT :limit
""")
_DAYS_WITH_ORDERS = text("""
    SELECT min(day) AS first_day, max(day) AS last_day
    FROM store.daily_sales
    WHERE tenant_id = :tenant AND orders > 0 AND day BETWEEN :earliest AND :latest
""")
_SALES_BY_DAY = text("""
    SELECT day, sum(orders)::bigint AS orders,
           coalesce(sum(revenue) FILTER (WHERE currency = :currency), 0) AS revenue
    FROM store.daily_sales WHERE tenant_id = :tenant AND day BETWEEN :first AND :last
    GROUP BY day
""")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an answer depends on: the same stamp, the same answer."""

    version: int
    changed_at: datetime | None
    currency: str | None
    zone: str | None
    partial: bool


@dataclass(frozen=True, slots=True)
class CustomerSales:
    customer_id: int
    orders: int
    revenue: Decimal
    first_name: str | None
    last_name: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class DaySales:
    day: date
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class UndatedSales:
    """Orders in every currency; the revenue is in the shop's."""

    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class UndatedOrder:
    order_id: int
    name: str | None
    date: str | None


async def read_stamp(tx: Transaction, tenant_id: UUID) -> Stamp:
    """Before the shop's facts arrive there is no currency and no zone, and the version is 0."""
    row = (await tx.execute(_STAMP, {"tenant": tenant_id})).one()
    return Stamp(**row._mapping)


async def counted_records(tx: Transaction, tenant_id: UUID) -> dict[str, int]:
    rows = await tx.execute(_RECORDS, {"tenant": tenant_id})
    return {row.entity: row.records for row in rows}


async def sales_by_currency(tx: Transaction, tenant_id: UUID) -> list[CurrencySales]:
    rows = await tx.execute(_SALES_BY_CURRENCY, {"tenant": tenant_id, **_DAYS})
    return [CurrencySales(**row._mapping) for row in rows]


async def undated_sales(tx: Transaction, tenant_id: UUID, currency: str | None) -> UndatedSales:
    """What is sold on no day, as its date is impossible."""
    row = (await tx.execute(_UNDATED_SALES, {"tenant": tenant_id, "currency": currency})).one()
    return UndatedSales(**row._mapping)


async def undated_orders(tx: Transaction, tenant_id: UUID, limit: int) -> list[UndatedOrder]:
    """The newest of them, each with its date as it was told."""
    rows = await tx.execute(_UNDATED_ORDERS, {"tenant": tenant_id, "limit": limit})
    return [UndatedOrder(**row._mapping) for row in rows]


async def top_customers(
    tx: Transaction, tenant_id: UUID, currency: str | None, limit: int
) -> list[CustomerSales]:
    """Best first; equal revenue by id. A deleted customer keeps the sales and loses the name."""
    rows = await tx.execute(
        _TOP_CUSTOMERS, {"tenant": tenant_id, "currency": currency, "limit": limit}
    )
    return [CustomerSales(**row._mapping) for row in rows]


async def days_with_orders(tx: Transaction, tenant_id: UUID) -> tuple[date | None, date | None]:
    row = (await tx.execute(_DAYS_WITH_ORDERS, {"tenant": tenant_id, **_DAYS})).one()
    return row.first_day, row.last_day


async def sales_by_day(
    tx: Transaction, tenant_id: UUID, currency: str | None, first: date, last: date
) -> dict[date, DaySales]:
    """Only the days of which there is a rollup; both ends are included."""
    rows = await tx.execute(
        _SALES_BY_DAY,
        {"tenant": tenant_id, "currency": currency, "first": first, "last": last},
    )
    return {row.day: DaySales(**row._mapping) for row in rows}
