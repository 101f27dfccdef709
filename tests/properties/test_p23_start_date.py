# Feature: shopify-multi-tenant-dashboard, Property 23: For any start date parameter, the returned orders should all have creation timestamps on or after that date.
"""From a date on: every order of that day and later, and no earlier one."""

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.analytics.conftest import Analytics
from tests.properties.dated import check_days, dates_about
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/analytics/answers.py",
    "return first, max(first, *ends)",
    "return min(first, *ends), max(first, *ends)",
)


@PROPERTY
@given(history=histories(shops=1), pick=st.integers(0, 99))
async def test_no_order_before_the_start_date_is_told(
    store: Store, analytics: Analytics, history: History, pick: int
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)
    shop = history.shops[0]
    dates = dates_about(shop)
    first = dates[pick % len(dates)]

    answer = await analytics.ask(tenants[0], "orders", **{"from": str(first)})

    inside = [order for order in shop.dated if shop.day_of(order) >= first]
    days = check_days(answer, shop, inside)
    assert days[0] == first
