# Feature: shopify-multi-tenant-dashboard, Property 29: For any request with a valid session token, the system should only return data for the tenant associated with that session.
"""The session decides which tenant is told of, and without a valid one nothing is told."""

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.gateway.platform import Platform, code_of
from tests.properties.histories import History, histories
from tests.properties.members import Members, get
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/gateway/repository.py",
    "sessions.c.expires_at > now,",
    "sessions.c.expires_at.is_not(None),",
)
PATHS = ("auth/session", "tenants/current", "analytics/summary", "analytics/orders")


@PROPERTY
@given(
    history=histories(shops=2, most=3),
    path=st.sampled_from(PATHS),
    spoil=st.sampled_from(["cut", "swapped", "lengthened", "empty", "other"]),
)
async def test_a_session_opens_its_own_tenant_and_nothing_else_opens_any(
    store: Store, gateway: Platform, members: Members, history: History, path: str, spoil: str
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)
    browser = await gateway.new_browser()
    # One user of all tenants: that they may see another one does not mix the two.
    user_id = await members.add(*tenants)

    for tenant, shop in zip(tenants, history.shops, strict=True):
        token = await members.sign_in(gateway, user_id, tenant)
        summary = await get(browser, token, "/api/analytics/summary")
        assert summary.json()["totalOrders"] == len(shop.counted)
        assert summary.json()["totalCustomers"] == len(shop.customers)
        session = await get(browser, token, "/api/auth/session")
        assert session.json()["tenant"]["id"] == str(tenant)
        expired = await members.sign_in(gateway, user_id, tenant, hours=-0.001)
        for false in (expired, _spoilt(token, spoil)):
            answer = await get(browser, false, f"/api/{path}")
            assert code_of(answer) == (401, "AUTH_SESSION_EXPIRED")
            assert str(tenant) not in answer.text


def _spoilt(token: str, how: str) -> str:
    return {
        "cut": token[:-1],
        "swapped": token.swapcase(),
        "lengthened": f"{token}A",
        "empty": "",
        "other": "A" * len(token),
    }[how]
