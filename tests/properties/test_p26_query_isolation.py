# Feature: shopify-multi-tenant-dashboard, Property 26: For any authenticated user request, all returned data should belong only to that user's tenant, with no data leakage from other tenants.
"""Whatever a user asks, in whatever words: the answer is about their own tenant."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.gateway.platform import Platform
from tests.properties.histories import History, histories
from tests.properties.members import Members, get
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store
from tests.properties.values import exact_sum

MUTANT = Mutant(
    "services/gateway/proxies.py",
    "        tenant_id=session.tenant_id,",
    '        tenant_id=request.query_params.get("tenantId") or session.tenant_id,',
)
PATHS = ("analytics/summary", "analytics/top-customers", "analytics/orders", "tenants/current")


@PROPERTY
@given(history=histories(shops=2, most=4), other=st.integers(0, 1))
async def test_all_that_is_told_is_of_the_own_tenant(
    store: Store, gateway: Platform, members: Members, history: History, other: int
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)
    browser = await gateway.new_browser()
    target = tenants[other % len(tenants)]
    # Everything by which a careless program might let a caller choose the tenant.
    hints = {name: str(target) for name in ("tenant", "tenantId", "tenant_id", "shop")}
    hints |= {"from": "2026-01-01", "to": "2026-12-31"}

    for tenant, shop in zip(tenants, history.shops, strict=True):
        token = await members.sign_in(gateway, await members.add(tenant), tenant)
        answers = [await get(browser, token, f"/api/{path}", hints) for path in PATHS]
        for answer in answers:
            assert answer.status_code == 200
            _check_no_other(answer.text, set(tenants) - {tenant})
        summary, top, orders, current = (answer.json() for answer in answers)
        assert summary["totalCustomers"] == len(shop.customers)
        assert summary["totalOrders"] == len(shop.counted)
        inside = [order for order in shop.dated if shop.day_of(order).year == 2026]
        assert orders["totals"]["orderCount"] == len(inside)
        assert Decimal(summary["totalRevenue"]) == shop.revenue(shop.kind.currency)
        spent = {number: exact_sum(totals) for number, totals in shop.spent().items()}
        for one in top["customers"]:
            assert Decimal(one["totalRevenue"]) == spent[int(one["customerId"])]
        assert current["id"] == str(tenant)
        assert (current["zone"], current["currency"]) == (shop.kind.zone, shop.kind.currency)


def _check_no_other(text: str, others: set[UUID]) -> None:
    assert [other for other in others if str(other) in text] == []
