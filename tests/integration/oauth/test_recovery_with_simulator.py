"""A recovery with the simulator in Shopify's place: who is signed in there decides."""

from urllib.parse import urlsplit

import httpx

from libs.common.identity import TokenVerifier
from tests.caller_keys import CallerKeys
from tests.integration.oauth.driver import RECOVERED, RECOVERY
from tests.integration.oauth.simulated import Connected


async def _prove(toys: Connected) -> httpx.Response:
    """As a browser does it: our door, Shopify's page, our callback."""
    door = await toys.oauth.auth(f"shop={toys.shop.shop}", RECOVERY)
    page = await toys.shop.http.get(door.headers["Location"])
    back = urlsplit(page.headers["Location"]).query
    return await toys.oauth.callback(back, door.cookies["install"], RECOVERED)


async def test_with_the_simulator_the_owner_is_proven_and_the_shops_tokens_live_on(
    toys: Connected, keys: CallerKeys
):
    token = await toys.token()

    answer = await _prove(toys)

    verifier = TokenVerifier("gateway:recovery", keys.public)
    claim = verifier.verify(answer.cookies["recovery"], frozenset({"oauth"}))
    assert claim["tenant"] == str(toys.tenant_id)
    assert await toys.takes(token)
    assert await toys.token() == token
    await toys.let_time_pass(days=1)
    assert await toys.token() != token


async def test_with_the_simulator_staff_and_collaborators_prove_nothing(toys: Connected):
    for kind in ({"accountOwner": False}, {"accountOwner": False, "collaborator": True}):
        await toys.shop.control("POST", "/approver", kind)
        answer = await _prove(toys)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "ACCOUNT_OWNER_REQUIRED"
    await toys.shop.control("POST", "/approver", {"emailVerified": False})
    assert (await _prove(toys)).status_code == 303
