"""How each answer is put together from queries. All of one answer is read in one snapshot."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.money import exact_sum
from services.analytics import metrics, queries
from services.analytics.dates import check_range, each_day
from services.analytics.queries import CustomerSales, DaySales, Stamp
from services.analytics.schemas import (
    Freshness,
    ImpossibleDate,
    ImpossibleDates,
    OrdersByDay,
    OrdersDay,
    OrdersTotals,
    OtherCurrency,
    Summary,
    TopCustomer,
    TopCustomers,
)

MOST_TOP_CUSTOMERS = 5
MAX_IMPOSSIBLE_DATES = 10


async def summary(tx: Transaction, tenant_id: UUID, stamp: Stamp) -> Summary:
    records = await queries.counted_records(tx, tenant_id)
    sales = await queries.sales_by_currency(tx, tenant_id)
    best = await queries.top_customers(tx, tenant_id, stamp.currency, MOST_TOP_CUSTOMERS)
    main = metrics.in_currency(sales, stamp.currency)
    first_day, last_day = metrics.order_dates(sales)
    return Summary(
        total_customers=records.get("customers", 0),
        total_orders=records.get("orders", 0),
        total_revenue=main.revenue,
        average_order_value=metrics.average_order_value(main),
        top_customers=[_top_customer(one) for one in best],
        currency=stamp.currency,
        zone=stamp.zone,
        first_order_date=first_day,
        last_order_date=last_day,
        impossible_dates=await _impossible_dates(tx, tenant_id, stamp),
        other_currencies=[
            OtherCurrency(currency=one.currency, order_count=one.orders, revenue=one.revenue)
            for one in metrics.in_other_currencies(sales, stamp.currency)
        ],
        partial=stamp.partial,
        freshness=_freshness(stamp),
    )


async def _impossible_dates(tx: Transaction, tenant_id: UUID, stamp: Stamp) -> ImpossibleDates:
    undated = await queries.undated_sales(tx, tenant_id, stamp.currency)
    shown = (
        await queries.undated_orders(tx, tenant_id, MAX_IMPOSSIBLE_DATES) if undated.orders else []
    )
    return ImpossibleDates(
        order_count=undated.orders,
        revenue=undated.revenue,
        orders=[
            ImpossibleDate(order_id=str(one.order_id), order_name=one.name, date=one.date)
            for one in shown
        ],
    )


async def top_customers(tx: Transaction, tenant_id: UUID, stamp: Stamp, limit: int) -> TopCustomers:
    best = await queries.top_customers(tx, tenant_id, stamp.currency, limit)
    return TopCustomers(
        currency=stamp.currency,
        customers=[_top_customer(one) for one in best],
        freshness=_freshness(stamp),
    )


async def orders_by_day(
    tx: Transaction, tenant_id: UUID, stamp: Stamp, first: date | None, last: date | None
) -> OrdersByDay:
    """A missing end is the first or the last day with an order.

    Raises InvalidRangeError when the end that is given makes too long a range of it.
    """
    days: list[DaySales] = []
    opened = await _opened(tx, tenant_id, first, last)
    if opened:
        if first or last:
            check_range(*opened)
        sold = await queries.sales_by_day(tx, tenant_id, stamp.currency, *opened)
        days = [sold.get(day) or DaySales(day, 0, Decimal(0)) for day in each_day(*opened)]
    return OrdersByDay(
        zone=stamp.zone,
        currency=stamp.currency,
        from_=opened[0] if opened else None,
        to=opened[1] if opened else None,
        days=[OrdersDay(date=d.day, order_count=d.orders, revenue=d.revenue) for d in days],
        totals=OrdersTotals(
            order_count=sum(day.orders for day in days),
            revenue=exact_sum(day.revenue for day in days),
        ),
        freshness=_freshness(stamp),
    )


async def _opened(
    tx: Transaction, tenant_id: UUID, first: date | None, last: date | None
) -> tuple[date, date] | None:
    if first and last:
        return first, last
    earliest, latest = await queries.days_with_orders(tx, tenant_id)
    # A given end beyond all orders stands alone: a range of one day, without orders.
    ends = [day for day in (first or earliest, last or latest) if day]
    if first:
        return first, max(first, *ends)
    if last:
        return min(last, *ends), last
    return (earliest, latest) if earliest and latest else None


def _top_customer(sales: CustomerSales) -> TopCustomer:
    return TopCustomer(
        customer_id=str(sales.customer_id),
        customer_name=metrics.customer_name(sales.customer_id, sales.first_name, sales.last_name),
        customer_email=sales.email,
        total_revenue=sales.revenue,
        order_count=sales.orders,
    )


def _freshness(stamp: Stamp) -> Freshness:
    return Freshness(data_version=str(stamp.version), changed_at=stamp.changed_at)
