"""What every number means, once: the words that callers read, and the arithmetic behind them.

A record counts unless it is deleted or a test order. Sums of money never mix currencies: they are
in the shop's currency, and what was sold in others is listed beside them. Counts mix freely.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.common.money import average

TOTAL_CUSTOMERS = "Customers that are not deleted."
TOTAL_ORDERS = "Orders that are neither deleted nor tests, in every currency. Cancelled ones count."
TOTAL_REVENUE = "Sum of the totals of these orders, in the shop's currency."
AVERAGE_ORDER_VALUE = (
    "Total revenue divided by the orders in the shop's currency; null while there is none."
)
ORDER_DATE = (
    "Day of processing, cut in the shop's zone. Impossible dates, before 1990 or after tomorrow, "
    "are left out."
)
IMPOSSIBLE_DATES = (
    "Orders that were processed before 1990 or after tomorrow, by their date. They count in "
    "all-time figures and in those of customers, and on no day."
)
IMPOSSIBLE_DATES_SHOWN = "The newest of these orders, ten at most."
DATE_AS_TOLD = (
    "The order's date as Shopify told it, in the shop's zone; null where it was unreadable."
)
CUSTOMER_REVENUE = "Sum of the totals of the customer's orders, in the shop's currency."
PARTIAL = "True until the history of the shop is read whole."
DATA_VERSION = "Grows with every change of the tenant's data."


@dataclass(frozen=True, slots=True)
class CurrencySales:
    """All sales in one currency. The dates are None where no order is left."""

    currency: str
    orders: int
    revenue: Decimal
    first_day: date | None
    last_day: date | None


_NO_REVENUE = Decimal(0)
_UNSEEN = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"))
"""Controls and formats, such as marks of direction and joiners; marks on no letter; spaces."""
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a sign that Unicode draws as nothing."""


def in_currency(sales: Sequence[CurrencySales], currency: str | None) -> CurrencySales:
    """The sales in the shop's currency; nothing sold where there are none."""
    for one in sales:
        if one.currency == currency:
            return one
    return CurrencySales(currency or "", 0, _NO_REVENUE, None, None)


def in_other_currencies(
    sales: Sequence[CurrencySales], currency: str | None
) -> list[CurrencySales]:
    return [one for one in sales if one.currency != currency and (one.orders or one.revenue)]


def average_order_value(main: CurrencySales) -> Decimal | None:
    return average(main.revenue, main.orders, main.currency)


def order_dates(sales: Sequence[CurrencySales]) -> tuple[date | None, date | None]:
    """The first and the last day with an order, in any currency."""
    first = min((one.first_day for one in sales if one.first_day), default=None)
    last = max((one.last_day for one in sales if one.last_day), default=None)
    return first, last


def customer_name(customer_id: int, first_name: str | None, last_name: str | None) -> str:
    """`First Last`; `Customer 123` for one without a name that can be seen."""
    parts = (part.strip() for part in (first_name, last_name) if part and is_visible(part))
    return " ".join(parts) or f"Customer {customer_id}"


def is_visible(text: str) -> bool:
    """Whether any character of `text` leaves a mark: spaces, controls and fillers do not."""
    return any(
        unicodedata.category(character) not in _UNSEEN and character not in _FILLERS
        for character in text
    )
