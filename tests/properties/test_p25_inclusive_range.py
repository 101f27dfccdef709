# Feature: shopify-multi-tenant-dashboard, Property 25: For any start and end date parameters, all returned orders should have creation timestamps within the inclusive range.
"""Between two dates: every order of both days and of those between, and no other."""

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.analytics.conftest import Analytics
from tests.properties.dated import check_days, dates_about
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/analytics/queries.py",
    "FROM store.daily_sales WHERE tenant_id = :tenant AND day BETWEEN :first AND :last",
    "FROM store.daily_sales WHERE tenant_id = :tenant AND day >= :first AND day < :last",
)


@PROPERTY
@given(history=histories(shops=1), picks=st.tuples(st.integers(0, 99), st.integers(0, 99)))
async def test_both_ends_are_in_the_range(
    store: Store, analytics: Analytics, history: History, picks: tuple[int, int]
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)
    shop = history.shops[0]
    dates = dates_about(shop)
    first, last = sorted(dates[pick % len(dates)] for pick in picks)

    answer = await analytics.ask(tenants[0], "orders", **{"from": str(first), "to": str(last)})

    inside = [order for order in shop.dated if first <= shop.day_of(order) <= last]
    days = check_days(answer, shop, inside)
    assert (days[0], days[-1]) == (first, last)
