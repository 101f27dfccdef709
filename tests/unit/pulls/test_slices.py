"""An entity's time is cut without a gap, and its recent past is a small slice of its own."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.ingestor.pulls.slices import cut, grid
from services.ingestor.shopify.windows import Window

MOMENTS = st.datetimes(datetime(1997, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC))


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=9_000)))
def test_the_cells_run_from_the_oldest_to_past_the_newest_order(oldest, length):
    newest = oldest + length
    edges = grid(oldest, newest)
    assert edges[0] == oldest
    assert edges[-1] > newest
    assert all(before < after for before, after in pairwise(edges))


@given(st.lists(st.integers(0, 50_000), min_size=24, max_size=24))
def test_cuts_are_newest_first_and_leave_something_before_the_oldest(counts):
    edges = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(25)]
    bounds = cut(edges, counts)
    assert len(bounds) <= 3
    assert bounds == sorted(set(bounds), reverse=True)
    assert set(bounds) <= set(edges[1:-1]) | {edges[-2]}


def test_even_sales_give_a_tenth_first_and_then_equal_shares():
    edges = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(25)]
    bounds = cut(edges, [1_000] * 24)
    assert [edges.index(bound) for bound in bounds] == [21, 13, 5]


def test_a_window_is_what_shopify_searches_for():
    since, before = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert Window().search() == ""
    assert Window(since, before).search() == (
        "created_at:>='2026-01-01T00:00:00Z' created_at:<'2026-02-01T00:00:00Z'"
    )
    assert Window(since).within(None, before) == Window(since, before)
    later = since + timedelta(days=1)
    assert Window(since, before).within(later, before + timedelta(days=1)) == Window(later, before)
