"""Names, averages and currencies follow their written definitions in the odd cases too."""

from datetime import date
from decimal import Decimal

from services.analytics import metrics
from services.analytics.metrics import CurrencySales

POUNDS = CurrencySales("GBP", 3, Decimal("10.00"), date(2026, 1, 2), date(2026, 1, 9))
YEN = CurrencySales("JPY", 1, Decimal(900), date(2026, 1, 1), date(2026, 1, 5))
NOTHING_LEFT = CurrencySales("USD", 0, Decimal(0), None, None)


def test_an_average_never_mixes_currencies_and_needs_an_order():
    pounds = metrics.in_currency([POUNDS, YEN], "GBP")

    assert metrics.average_order_value(pounds) == Decimal("3.33")
    assert metrics.average_order_value(metrics.in_currency([YEN], "GBP")) is None
    assert metrics.average_order_value(metrics.in_currency([POUNDS], None)) is None


def test_other_currencies_are_listed_while_something_is_left_of_them():
    assert metrics.in_other_currencies([POUNDS, YEN, NOTHING_LEFT], "GBP") == [YEN]
    assert metrics.in_other_currencies([POUNDS], "GBP") == []


def test_order_dates_span_all_currencies_and_skip_days_without_orders():
    assert metrics.order_dates([POUNDS, YEN, NOTHING_LEFT]) == (date(2026, 1, 1), date(2026, 1, 9))
    assert metrics.order_dates([NOTHING_LEFT]) == (None, None)


def test_a_customer_is_called_by_name_else_by_id():
    assert metrics.customer_name(5, "Ada", "Lovelace") == "Ada Lovelace"
    assert metrics.customer_name(5, None, " Lovelace ") == "Lovelace"
    assert metrics.customer_name(5, "  ", "") == "Customer 5"
