# Feature: shopify-multi-tenant-dashboard, Property 22: For any top customers request, the system should return at most five customers with their identifiers and revenue totals.
"""Never more than five top customers, each with an id and a revenue."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.analytics.conftest import Analytics
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/analytics/routes.py",
    "most = min(limit, answers.MOST_TOP_CUSTOMERS)",
    "most = limit",
)


@PROPERTY
@given(
    history=histories(shops=1, most=8),
    limit=st.none() | st.integers(1, 9) | st.integers(1, 2**31),
)
async def test_at_most_five_are_told(
    store: Store, analytics: Analytics, history: History, limit: int | None
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)

    for tenant, shop in zip(tenants, history.shops, strict=True):
        asked = {} if limit is None else {"limit": str(limit)}
        answer = await analytics.ask(tenant, "top-customers", **asked)
        assert len(answer["customers"]) == min(5, limit or 5, len(shop.spent()))
        for one in answer["customers"]:
            assert int(one["customerId"]) in shop.spent()
            assert Decimal(one["totalRevenue"]).is_finite()
