# Feature: shopify-multi-tenant-dashboard, Property 18: For any tenant, the calculated total revenue should equal the sum of all order total prices for that tenant.
"""The revenue that is shown is the sum of the orders, to the last digit, in each currency."""

from decimal import Decimal

from hypothesis import given

from tests.integration.analytics.conftest import Analytics
from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/ingestor/store/rollups.py",
    "        -1, -old_units, -old_total,",
    "        -1, -old_units, 0,",
)


@PROPERTY
@given(history=histories())
async def test_the_total_is_the_sum_of_the_orders(
    store: Store, analytics: Analytics, history: History
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)

    for tenant, shop in zip(tenants, history.shops, strict=True):
        summary = await analytics.ask(tenant, "summary")
        assert Decimal(summary["totalRevenue"]) == shop.revenue(shop.kind.currency)
        others = {one["currency"]: Decimal(one["revenue"]) for one in summary["otherCurrencies"]}
        sold_in = {order.currency for order in shop.counted} - {shop.kind.currency}
        assert others == {currency: shop.revenue(currency) for currency in sold_in}
