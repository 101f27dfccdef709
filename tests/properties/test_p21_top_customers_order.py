# Feature: shopify-multi-tenant-dashboard, Property 21: For any top customers list, customers should be sorted in descending order by total revenue, with the highest revenue customer first.
"""The top customers are those who spent most, the one who spent most first."""

from hypothesis import given

from tests.integration.analytics.conftest import Analytics
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store
from tests.properties.values import exact_sum

MUTANT = Mutant(
    "services/analytics/queries.py",
    "ORDER BY s.revenue DESC, s.customer_id LIMIT :limit",
    "ORDER BY s.customer_id LIMIT :limit",
)


@PROPERTY
@given(history=histories(shops=1, most=8))
async def test_whoever_spent_most_comes_first(store: Store, analytics: Analytics, history: History):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)

    for tenant, shop in zip(tenants, history.shops, strict=True):
        answer = await analytics.ask(tenant, "top-customers")
        spent = {number: exact_sum(totals) for number, totals in shop.spent().items()}
        best = sorted(spent, key=lambda number: (-spent[number], number))[:5]
        assert [int(one["customerId"]) for one in answer["customers"]] == best
        summary = await analytics.ask(tenant, "summary")
        assert summary["topCustomers"] == answer["customers"]
