"""A shop's true figures, kept as orders come and go, by plain sums.

Counted is every order that exists and is not a test order; its day is `processed_at` in the
shop's zone. Nothing here is shared with the product, so that one can check the other.
"""

import heapq
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from libs.simulator.model import ZERO, Customer, Order, Sale
from libs.simulator.money import CENT
from libs.simulator.times import local_date

_Key = TypeVar("_Key")

_DAY_CACHE_SECONDS = 900
"""Since 1972 no zone's offset has had a finer step than a quarter of an hour."""


class Tally:
    __slots__ = ("orders", "revenue")

    def __init__(self) -> None:
        self.orders = 0
        self.revenue = ZERO

    def add(self, orders: int, revenue: Decimal) -> None:
        self.orders += orders
        self.revenue += revenue


def _tally(tallies: dict[_Key, Tally], key: _Key) -> Tally:
    tally = tallies.get(key)
    if tally is None:
        tally = tallies[key] = Tally()
    return tally


class Totals:
    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._days_of_quarters: dict[int, date] = {}
        self.all = Tally()
        self.units = 0
        self.days: dict[date, Tally] = {}
        self.customers: dict[int, Tally] = {}

    def count(self, order: Order) -> None:
        self._apply(order, 1)

    def discount(self, order: Order) -> None:
        """Take back what `count` added for the same value."""
        self._apply(order, -1)

    def _apply(self, order: Order, sign: int) -> None:
        if order.test:
            return
        revenue = order.total * sign
        self.all.add(sign, revenue)
        self.units += order.units * sign
        _tally(self.days, self._day(order.processed_at)).add(sign, revenue)
        if order.customer_id is not None:
            _tally(self.customers, order.customer_id).add(sign, revenue)

    def count_sales(self, sales: Iterable[Sale]) -> None:
        """What `count` would do for each, in whole cents until the end."""
        days: dict[date, list[int]] = {}
        customers: dict[int, list[int]] = {}
        for test, moment, customer, picks, goods, discount, _ in sales:
            if test:
                continue
            cents = goods - discount
            self.units += sum([pick[3] for pick in picks])
            day = self._day(moment)
            tally = days.get(day) or days.setdefault(day, [0, 0])
            tally[0] += 1
            tally[1] += cents
            if customer is not None:
                tally = customers.get(customer) or customers.setdefault(customer, [0, 0])
                tally[0] += 1
                tally[1] += cents
        for day, (orders, cents) in days.items():
            self.all.add(orders, cents * CENT)
            _tally(self.days, day).add(orders, cents * CENT)
        for number, (orders, cents) in customers.items():
            _tally(self.customers, number).add(orders, cents * CENT)

    def _day(self, seconds: int) -> date:
        quarter = seconds // _DAY_CACHE_SECONDS
        day = self._days_of_quarters.get(quarter)
        if day is None:
            day = self._days_of_quarters[quarter] = local_date(seconds, self._zone)
        return day

    def of_customer(self, customer_id: int) -> Tally:
        return self.customers.get(customer_id) or Tally()

    def first_and_last_day(self) -> tuple[date | None, date | None]:
        days = [day for day, tally in self.days.items() if tally.orders]
        return (min(days), max(days)) if days else (None, None)

    def top_customers(
        self, customers: Mapping[int, Customer], limit: int
    ) -> list[tuple[Customer, Tally]]:
        """By revenue, then by number, among customers that exist and have ordered."""
        candidates = (
            (customers[number], tally)
            for number, tally in self.customers.items()
            if tally.orders and number in customers
        )
        return heapq.nsmallest(limit, candidates, key=lambda pair: (-pair[1].revenue, pair[0].id))

    def by_day(self, first: date, last: date) -> list[tuple[date, Tally]]:
        """Every day from `first` to `last`, both included, with or without orders."""
        length = (last - first).days + 1
        days = (first + timedelta(days=offset) for offset in range(length))
        return [(day, self.days.get(day) or Tally()) for day in days]
