"""What was placed or updated between two moments is found without making the rest of the shop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.simulator.generated import Generated, generate
from libs.simulator.journal import Journal
from libs.simulator.model import Customer, GeneratedShop, Order, ShopFacts
from libs.simulator.numbers import Sequence
from libs.simulator.pages import Listings, Page, listed
from libs.simulator.search import terms_from_query
from libs.simulator.selection import count_matching, matching
from libs.simulator.shops import Shop
from libs.simulator.times import graphql_time

_DAY = 86_400
_MADE = GeneratedShop(seed=7, size=20_000)


class Counting:
    """Counts how many rows are made."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make
        self.calls = 0

    def __call__(self, place: int) -> Any:
        self.calls += 1
        return self._make(place)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    facts = ShopFacts(1, _MADE.domain, "Bluebird", _MADE.currency, _MADE.zone, 0, 0)
    return Shop(facts, generate(_MADE), Journal(tmp_path / "journal.jsonl"), Sequence())


def _counting(rows: Any) -> Counting:
    assert isinstance(rows, Generated)
    counting = rows.make = Counting(rows.make)
    return counting


def _pages(shop: Shop, entity: type, query: str, first: int = 250) -> list[Any]:
    listings, found, after = Listings(), list[Any](), None
    while True:
        args = {"first": first, "after": after, "sortKey": "UPDATED_AT"}
        page: Page = listed(shop, listings, entity, terms_from_query(entity, query), args)
        found += page.rows
        if not page.has_next:
            return found
        after = page.cursors[-1]


def _touch(shop: Shop, places: list[int]) -> list[int]:
    """Change some orders after the shop's last day; their numbers."""
    numbers = [shop.orders.base + place for place in places]  # type: ignore[attr-defined]
    for seconds, number in enumerate(numbers):
        changed = msgspec.structs.replace(
            shop.orders[number], updated_at=_MADE.anchor + _DAY + seconds
        )
        shop.put(changed)
    return numbers


def test_a_few_changed_orders_are_paged_without_looking_at_the_others(shop: Shop):
    numbers = _touch(shop, [17_000, 3, 9_000])
    counting = _counting(shop.orders)

    found = _pages(shop, Order, f"updated_at:>='{graphql_time(_MADE.anchor + _DAY)}'", first=2)

    assert [order.id for order in found] == numbers
    assert counting.calls < 10


@pytest.mark.parametrize("entity", [Order, Customer])
def test_pages_of_a_window_of_updates_hold_every_row_updated_in_it(shop: Shop, entity: type):
    _touch(shop, [17_000, 3, 9_000])
    rows = shop.orders if entity is Order else shop.customers
    midnight = _MADE.anchor - _MADE.anchor % _DAY  # Customers are found by whole days.
    since, until = midnight - 100 * _DAY, midnight - 90 * _DAY
    wanted = sorted(
        (row.updated_at, row.id) for row in rows.values() if since <= row.updated_at < until
    )
    counting = _counting(rows)
    query = f"updated_at:>='{graphql_time(since)}' updated_at:<'{graphql_time(until)}'"

    found = _pages(shop, entity, query)

    assert wanted
    assert [(row.updated_at, row.id) for row in found] == wanted
    assert count_matching(rows, entity, terms_from_query(entity, query)) == len(wanted)
    exported = matching(rows, entity, terms_from_query(entity, query))
    assert sorted((row.updated_at, row.id) for row in exported) == wanted
    assert counting.calls < len(rows) / 4


def test_a_window_of_creation_makes_its_own_orders_alone(shop: Shop):
    since, until = _MADE.anchor - 100 * _DAY, _MADE.anchor - 99 * _DAY
    wanted = [order.id for order in shop.orders.values() if since <= order.created_at < until]
    counting = _counting(shop.orders)
    query = f"created_at:>='{graphql_time(since)}' created_at:<'{graphql_time(until)}'"

    found = [order.id for order in matching(shop.orders, Order, terms_from_query(Order, query))]

    assert found == wanted
    assert counting.calls == len(wanted) > 0
