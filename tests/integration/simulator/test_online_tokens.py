"""An online grant tells who approved, and leaves the shop's own tokens as they are."""

from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.integration.simulator.driver import KEY, SCOPES, Simulator


async def _authorize(simulator: Simulator, **more: str) -> httpx.Response:
    query = {
        "client_id": KEY,
        "scope": SCOPES,
        "redirect_uri": "http://127.0.0.1:9/callback",
        "state": "0a1b",
        "grant_options[]": "per-user",
        **more,
    }
    return await simulator.http.get(f"/{simulator.shop}/admin/oauth/authorize", params=query)


async def _granted(simulator: Simulator, **fields: str) -> httpx.Response:
    answer = await _authorize(simulator)
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    return await simulator.token(code=code, **fields)


async def test_an_online_token_tells_the_account_owner_in_shopifys_shape(simulator: Simulator):
    told = (await _granted(simulator)).json()

    assert set(told) == {
        *("access_token", "scope", "expires_in"),
        *("associated_user_scope", "associated_user"),
    }
    assert (told["expires_in"], told["associated_user_scope"]) == (86_399, told["scope"])
    user = told["associated_user"]
    assert set(user) == {
        *("id", "first_name", "last_name", "email", "email_verified"),
        *("account_owner", "locale", "collaborator"),
    }
    assert (user["account_owner"], user["collaborator"], user["email_verified"]) == (
        True,
        False,
        True,
    )
    simulator.headers = {"X-Shopify-Access-Token": told["access_token"]}
    assert (await simulator.ask("{ shop { id } }")).status_code == 200


@pytest.mark.parametrize(
    ("approver", "told"),
    [
        ({"id": 7, "accountOwner": False}, (7, False, False, True)),
        ({"id": 8, "accountOwner": False, "collaborator": True}, (8, False, True, True)),
        ({"id": 9, "emailVerified": False}, (9, True, False, False)),
    ],
)
async def test_who_approves_is_chosen_and_bound_to_the_code(
    simulator: Simulator, approver: dict[str, object], told: tuple[object, ...]
):
    await simulator.control("POST", "/approver", approver)
    answer = await _authorize(simulator)
    await simulator.control("DELETE", "/approver")
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]

    user = (await simulator.token(code=code)).json()["associated_user"]

    names = ("id", "account_owner", "collaborator", "email_verified")
    assert tuple(user[name] for name in names) == told


async def test_an_online_code_works_once_and_leaves_the_shops_tokens(simulator: Simulator):
    pair = (await simulator.token(code=await simulator.code(), expiring="1")).json()
    answer = await _authorize(simulator)
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]

    first, second = [await simulator.token(code=code, expiring="1") for _ in range(2)]

    assert (first.status_code, second.status_code) == (200, 400)
    assert "refresh_token" not in first.json()
    token = pair["refresh_token"]
    refreshed = await simulator.token(grant_type="refresh_token", refresh_token=token)
    assert refreshed.status_code == 200


async def test_who_declines_stays_in_the_admin_and_the_app_hears_nothing(simulator: Simulator):
    consent = await _authorize(simulator, consent="1")
    await simulator.control("POST", "/approver", {"declines": True})
    declined = await _authorize(simulator)

    apps = f"/{simulator.shop}/admin/apps"
    assert f'{apps}">Cancel</a>' in consent.text
    assert (declined.status_code, urlsplit(declined.headers["location"]).path) == (302, apps)
    assert "127.0.0.1:9" not in declined.headers["location"]
    assert (await simulator.http.get(apps)).status_code == 200


async def test_an_approver_that_cannot_be_is_refused(simulator: Simulator):
    path = f"/_control/shops/{simulator.shop}/approver"
    for body in ({"accountOwner": True, "collaborator": True}, {"id": 0}, {"owner": True}):
        assert (await simulator.http.post(path, json=body)).status_code == 400
