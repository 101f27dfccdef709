"""What this service answers with. Money and Shopify's ids leave as strings."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from libs.common.money import Money
from services.analytics import metrics


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


_Revenue = Annotated[Money, Field(description=metrics.TOTAL_REVENUE)]


class Freshness(_Answer):
    data_version: str = Field(description=metrics.DATA_VERSION)
    changed_at: AwareDatetime | None


class TopCustomer(_Answer):
    customer_id: str
    customer_name: str
    customer_email: str | None
    total_revenue: Money = Field(description=metrics.CUSTOMER_REVENUE)
    order_count: int


class OtherCurrency(_Answer):
    currency: str
    order_count: int
    revenue: Money


class ImpossibleDate(_Answer):
    order_id: str
    order_name: str | None
    date: str | None = Field(description=metrics.DATE_AS_TOLD)


class ImpossibleDates(_Answer):
    order_count: int
    revenue: _Revenue
    orders: list[ImpossibleDate] = Field(description=metrics.IMPOSSIBLE_DATES_SHOWN)


class Summary(_Answer):
    total_customers: int = Field(description=metrics.TOTAL_CUSTOMERS)
    total_orders: int = Field(description=metrics.TOTAL_ORDERS)
    total_revenue: _Revenue
    average_order_value: Money | None = Field(description=metrics.AVERAGE_ORDER_VALUE)
    top_customers: list[TopCustomer]
    currency: str | None
    zone: str | None
    first_order_date: date | None = Field(description=metrics.ORDER_DATE)
    last_order_date: date | None = Field(description=metrics.ORDER_DATE)
    impossible_dates: ImpossibleDates = Field(description=metrics.IMPOSSIBLE_DATES)
    other_currencies: list[OtherCurrency]
    partial: bool = Field(description=metrics.PARTIAL)
    freshness: Freshness


class TopCustomers(_Answer):
    currency: str | None
    customers: list[TopCustomer]
    freshness: Freshness


class OrdersDay(_Answer):
    date: date
    order_count: int
    revenue: _Revenue


class OrdersTotals(_Answer):
    order_count: int
    revenue: _Revenue


class OrdersByDay(_Answer):
    """One entry a day, those without orders included. Without any order there is no range."""

    zone: str | None
    currency: str | None
    from_: date | None = Field(alias="from")
    to: date | None
    days: list[OrdersDay]
    totals: OrdersTotals
    freshness: Freshness
