# Feature: shopify-multi-tenant-dashboard, Property 19: For any metrics request, the API response should be valid JSON containing the expected fields: totalCustomers, totalOrders, totalRevenue, and topCustomers.
"""Whatever is known of a shop, even nothing: the summary is JSON with the fields it promises."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.gateway.platform import Platform
from tests.properties.histories import History, histories
from tests.properties.members import Members, get
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/analytics/schemas.py",
    "model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)",
    "model_config = ConfigDict(populate_by_name=True, frozen=True)",
)
NUMBERS = {"totalCustomers", "totalOrders"}
OF_A_CUSTOMER = {"customerId", "customerName", "customerEmail", "totalRevenue", "orderCount"}


@PROPERTY
@given(history=histories(shops=1), facts=st.booleans(), noise=st.text(max_size=5))
async def test_the_summary_has_the_fields_it_promises(
    store: Store, gateway: Platform, members: Members, history: History, facts: bool, noise: str
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)
    if not facts:
        await store.read(tenants, "DELETE FROM store.shops")
    token = await members.sign_in(gateway, await members.add(*tenants), tenants[0])
    browser = await gateway.new_browser()

    answer = await get(browser, token, "/api/analytics/summary", {"noise": noise})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    summary = json.loads(answer.content)
    for name in NUMBERS:
        assert type(summary[name]) is int
    _check_money(summary["totalRevenue"])
    assert type(summary["topCustomers"]) is list
    for customer in summary["topCustomers"]:
        assert set(customer) == OF_A_CUSTOMER
        assert customer["customerId"].isdecimal()
        _check_money(customer["totalRevenue"])


def _check_money(text: object) -> None:
    """Plain digits with two places or more: no float, no exponent."""
    assert isinstance(text, str)
    assert set(text) <= set("0123456789.")
    assert len(text.partition(".")[2]) >= 2
    assert Decimal(text) >= 0
