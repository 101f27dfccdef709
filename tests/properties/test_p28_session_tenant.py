# Feature: shopify-multi-tenant-dashboard, Property 28: For any created session, it should be associated with the correct tenant identifier from the authenticated user.
"""A session belongs to a tenant of the user who signed in: the oldest, or the one just connected."""

from hypothesis import given
from hypothesis import strategies as st

from services.oauth.claims import sign_claim
from tests.integration.gateway.platform import Platform, log_in
from tests.properties.members import Members, token_hash
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "services/gateway/auth.py",
    "    return members[0]",
    "    return members[-1]",
)


@PROPERTY
@given(
    belongs_to=st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True),
    claimed=st.none() | st.integers(0, 3),
)
async def test_a_session_is_that_of_the_right_tenant(
    store: Store, gateway: Platform, members: Members, belongs_to: list[int], claimed: int | None
):
    everyone = await store.connect([ShopKind()] * 4)
    own = [everyone[place] for place in belongs_to]
    user_id = await members.add(*own, username=f"user-{own[0]}", password="the right one")
    browser = await gateway.new_browser()
    expected = own[0]
    if claimed is not None:
        tenant = everyone[claimed]
        domain = f"{tenant}.myshopify.com"
        gateway.hold_claim(browser, sign_claim(gateway.keys.signer("oauth"), tenant, domain))
        expected = tenant if tenant in own else own[0]

    answer = await log_in(browser, f"user-{own[0]}", "the right one")

    session = answer.json()
    assert session["tenant"]["id"] == str(expected)
    assert session["tenant"]["shopDomain"] == f"{expected}.myshopify.com"
    [row] = await members.owner.fetch(
        "SELECT user_id, tenant_id FROM identity.sessions WHERE token_hash = $1",
        token_hash(gateway, browser.cookies["session"]),
    )
    assert tuple(row) == (user_id, expected)
    assert (await browser.get("/api/auth/session")).json() == session
