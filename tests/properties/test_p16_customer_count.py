# Feature: shopify-multi-tenant-dashboard, Property 16: For any tenant, the calculated total customer count should equal the number of customer records in the database for that tenant.
"""The number of customers that is shown is the number of customers there are."""

from hypothesis import given

from tests.integration.analytics.conftest import Analytics
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/ingestor/store/orders.py",
    'count_images("customers", 1, "true"),',
    'count_images("customers", 0, "true"),',
)


@PROPERTY
@given(history=histories())
async def test_the_total_is_the_number_of_customers(
    store: Store, analytics: Analytics, history: History
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)

    for tenant, shop in zip(tenants, history.shops, strict=True):
        summary = await analytics.ask(tenant, "summary")
        rows = await store.read(
            [tenant], "SELECT count(*) FROM store.customers WHERE deleted_at IS NULL"
        )
        assert summary["totalCustomers"] == len(shop.customers) == rows[0]["count"]
