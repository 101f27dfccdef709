"""What an answer about a range of dates must hold, by the calendar of the shop."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.ingestor.facts import Order
from tests.properties.histories import Outcome
from tests.properties.values import exact_sum


def dates_about(shop: Outcome) -> list[date]:
    """Every day with an order, its neighbours, and a day without any order near."""
    days = {shop.day_of(order) for order in shop.dated}
    near = {day + timedelta(days=shift) for day in days for shift in (-1, 0, 1)}
    return sorted(near | {date(2026, 6, 15)})


def check_days(answer: Any, shop: Outcome, inside: Sequence[Order]) -> list[date]:
    """Each day's figures are those of the orders `inside`, and none of these is left out.

    Returns the days of the answer, which follow each other without a gap.
    """
    told = {date.fromisoformat(day["date"]): day for day in answer["days"]}
    days = list(told)
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    sold: dict[date, list[Order]] = {}
    for order in inside:
        sold.setdefault(shop.day_of(order), []).append(order)
    assert {day for day in days if told[day]["orderCount"]} == set(sold)
    for day, orders in sold.items():
        assert told[day]["orderCount"] == len(orders)
        assert Decimal(told[day]["revenue"]) == _revenue(shop, orders)
    assert answer["totals"]["orderCount"] == len(inside)
    assert Decimal(answer["totals"]["revenue"]) == _revenue(shop, inside)
    return days


def _revenue(shop: Outcome, orders: Sequence[Order]) -> Decimal:
    return exact_sum(order.total for order in orders if order.currency == shop.kind.currency)
