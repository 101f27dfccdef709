# Feature: shopify-multi-tenant-dashboard, Property 17: For any tenant, the calculated total order count should equal the number of order records in the database for that tenant.
"""The number of orders that is shown is the number of orders there are."""

from hypothesis import given

from tests.integration.analytics.conftest import Analytics
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/ingestor/store/orders.py",
    '"NOT given.test OR shop.include_test_orders",',
    '"NOT given.test",',
)


@PROPERTY
@given(history=histories())
async def test_the_total_is_the_number_of_orders(
    store: Store, analytics: Analytics, history: History
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)

    for tenant, shop in zip(tenants, history.shops, strict=True):
        summary = await analytics.ask(tenant, "summary")
        assert summary["totalOrders"] == len(shop.counted)
        apart = len(shop.counted) - len(shop.dated)
        assert summary["impossibleDates"]["orderCount"] == apart
        if shop.dated:
            days = [shop.day_of(order) for order in shop.dated]
            assert summary["firstOrderDate"] == str(min(days))
            assert summary["lastOrderDate"] == str(max(days))
