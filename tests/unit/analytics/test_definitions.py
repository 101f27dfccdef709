"""Names, averages and currencies follow their written definitions in the odd cases too."""

from datetime import date
from decimal import Decimal

import pytest

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


@pytest.mark.parametrize(
    "unseen",
    [
        "\u200b",
        "\u202e\u2066\u2069",
        "\ufeff\u2060",
        " \t\x00\x1f\x7f",
        "\u3164",
        "\u115f\u1160",
        "\u2800",
        "\u00ad\u034f\u061c",
        "\U000e0001\U000e0020",
        "\u3000\u00a0",
        "\u0301\ufe0f",
    ],
)
def test_a_name_without_a_visible_character_is_no_name(unseen: str):
    assert metrics.customer_name(5, unseen, None) == "Customer 5"
    assert metrics.customer_name(5, unseen, unseen) == "Customer 5"
    assert metrics.customer_name(5, unseen, "Lovelace") == "Lovelace"


@pytest.mark.parametrize("name", ["Ω", "田中", "é", "\u202eevil", "👩\u200d🚀", ".", "\ufffd"])
def test_a_name_with_one_visible_character_is_kept_as_it_is(name: str):
    assert metrics.customer_name(5, name, None) == name
