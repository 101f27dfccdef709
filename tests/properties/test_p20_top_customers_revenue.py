# Feature: shopify-multi-tenant-dashboard, Property 20: For any tenant, the revenue total for each customer in the top customers list should equal the sum of that customer's order totals.
"""What a top customer is said to have spent is the sum of that customer's orders."""

from decimal import Decimal

from hypothesis import given

from tests.integration.analytics.conftest import Analytics
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store
from tests.properties.values import exact_sum

MUTANT = Mutant(
    "services/analytics/queries.py",
    "WHERE s.tenant_id = :tenant AND s.currency = :currency AND s.orders > 0",
    "WHERE s.tenant_id = :tenant AND s.currency <> :currency AND s.orders > 0",
)


@PROPERTY
@given(history=histories(shops=1, most=8))
async def test_the_revenue_of_a_customer_is_the_sum_of_their_orders(
    store: Store, analytics: Analytics, history: History
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)

    for tenant, shop in zip(tenants, history.shops, strict=True):
        answer = await analytics.ask(tenant, "top-customers")
        spent = shop.spent()
        assert answer["currency"] == shop.kind.currency
        assert len(answer["customers"]) == min(5, len(spent))
        for one in answer["customers"]:
            totals = spent[int(one["customerId"])]
            assert Decimal(one["totalRevenue"]) == exact_sum(totals)
            assert one["orderCount"] == len(totals)
