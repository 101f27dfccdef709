# Feature: shopify-multi-tenant-dashboard, Property 24: For any end date parameter, the returned orders should all have creation timestamps on or before that date.
"""Up to a date: every order of that day and earlier, and no later one."""

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.analytics.conftest import Analytics
from tests.properties.dated import check_days, dates_about
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/analytics/answers.py",
    "return min(last, *ends), last",
    "return min(last, *ends), max(last, *ends)",
)


@PROPERTY
@given(history=histories(shops=1), pick=st.integers(0, 99))
async def test_no_order_after_the_end_date_is_told(
    store: Store, analytics: Analytics, history: History, pick: int
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)
    shop = history.shops[0]
    dates = dates_about(shop)
    last = dates[pick % len(dates)]

    answer = await analytics.ask(tenants[0], "orders", **{"to": str(last)})

    inside = [order for order in shop.dated if shop.day_of(order) <= last]
    days = check_days(answer, shop, inside)
    assert days[-1] == last
