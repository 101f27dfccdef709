"""The simulator hands out codes and tokens by Shopify's rules, and signs what it sends back."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from libs.simulator.oauth import query_signature
from tests.integration.simulator.driver import KEY, SCOPES, SECRET, Simulator

GOOD = {
    "client_id": KEY,
    "scope": "read_orders,write_products,read_products",
    "redirect_uri": "http://127.0.0.1:9/callback",
    "state": "0a1b2c",
}


def test_the_signature_is_that_of_published_vectors():
    q3 = {
        "code": "0907a61c0c8d55e99db179b68161bc00",
        "shop": "some-shop.myshopify.com",
        "state": "0.6784241404160823",
        "timestamp": "1337178173",
    }
    d1 = {"shop": "myshop.myshopify.com", "timestamp": "1700000000", "custom": "hello world"}

    assert query_signature(q3, "hush") == (
        "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"
    )
    assert query_signature(d1, "my super secret key") == (
        "0a3f0b1091a26eab3ab75d96d4cdbba10a3f06e015b95cc989656ddf6c1ce1d9"
    )


async def test_the_browser_comes_back_with_a_signed_code(simulator: Simulator):
    answer = await _authorize(simulator, GOOD)

    assert answer.status_code == 302
    callback = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert set(callback) == {"code", "hmac", "host", "shop", "state", "timestamp"}
    assert (callback["shop"], callback["state"]) == (simulator.shop, "0a1b2c")
    name = simulator.shop.removesuffix(".myshopify.com")
    assert "=" not in callback["host"]
    assert base64.b64decode(callback["host"] + "==") == f"admin.shopify.com/store/{name}".encode()
    signature = callback.pop("hmac")
    message = "&".join(f"{name}={callback[name]}" for name in sorted(callback))
    assert signature == hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://[broken"},
        {"redirect_uri": ""},
    ],
)
async def test_an_unknown_app_or_address_gets_no_code(simulator: Simulator, wrong: dict[str, str]):
    answer = await _authorize(simulator, {**GOOD, **wrong})

    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_a_consent_page_waits_for_a_click(simulator: Simulator):
    page = await _authorize(simulator, {**GOOD, "consent": "1"})
    clicked = await _authorize(simulator, {**GOOD, "consent": "1", "approved": "1"})

    assert (page.status_code, "Install</button>" in page.text) == (200, True)
    assert clicked.status_code == 302


async def test_a_code_works_once(simulator: Simulator):
    code = await simulator.code("read_orders,write_products,read_products")

    first = await simulator.token(code=code, expiring="1")
    second = await simulator.token(code=code, expiring="1")

    pair = first.json()
    assert pair["access_token"].startswith("shpat_")
    assert pair["refresh_token"].startswith("shprt_")
    assert (pair["expires_in"], pair["refresh_token_expires_in"]) == (3_600, 7_776_000)
    assert pair["scope"] == "read_orders,write_products"
    assert second.status_code == 400
    assert second.json() == {
        "error": "invalid_request",
        "error_description": "The authorization code was not found or was already used",
    }


async def test_json_is_understood_and_a_wrong_secret_refused(simulator: Simulator):
    address = f"/{simulator.shop}/admin/oauth/access_token"
    fields = {"client_id": KEY, "client_secret": SECRET, "code": await simulator.code()}

    refused = await simulator.http.post(address, json={**fields, "client_secret": "guess"})
    accepted = await simulator.http.post(address, json={**fields, "expiring": 1})

    assert refused.status_code == 401
    assert accepted.json()["refresh_token"].startswith("shprt_")


async def test_a_token_that_never_expires_is_refused_by_the_admin_api(simulator: Simulator):
    token = (await simulator.token(code=await simulator.code())).json()
    simulator.headers = {"X-Shopify-Access-Token": token["access_token"]}

    answer = await simulator.ask("{ shop { id } }")

    assert set(token) == {"access_token", "scope"}
    assert answer.status_code == 403
    assert "Non-expiring access tokens are no longer accepted" in answer.json()["errors"]


async def test_a_lost_refresh_answer_can_be_asked_for_again(simulator: Simulator):
    first = (await simulator.token(code=await simulator.code(), expiring="1")).json()

    lost = await _refresh(simulator, first["refresh_token"])
    again = await _refresh(simulator, first["refresh_token"])
    newer = await _refresh(simulator, again[1]["refresh_token"])
    too_late = await _refresh(simulator, first["refresh_token"])

    assert [lost[0], again[0], newer[0], too_late[0]] == [200, 200, 200, 401]
    assert too_late[1] == {
        "error": "invalid_request",
        "error_description": "This request requires an active refresh_token",
    }


async def test_a_new_install_retires_older_refresh_tokens(simulator: Simulator):
    first = (await simulator.token(code=await simulator.code(), expiring="1")).json()
    await simulator.token(code=await simulator.code(), expiring="1")

    status, _ = await _refresh(simulator, first["refresh_token"])

    assert status == 401


async def test_an_expired_access_token_is_refused_and_a_refreshed_one_works(simulator: Simulator):
    pair = (await simulator.token(code=await simulator.code(), expiring="1")).json()
    simulator.headers = {"X-Shopify-Access-Token": pair["access_token"]}
    await simulator.control("POST", "/tokens/expire")

    refused = await simulator.ask("{ shop { id } }")
    _, fresh = await _refresh(simulator, pair["refresh_token"])
    simulator.headers = {"X-Shopify-Access-Token": fresh["access_token"]}

    assert refused.status_code == 401
    assert refused.json()["errors"].startswith("[API] Invalid API key or access token")
    assert (await simulator.ask("{ shop { id } }")).status_code == 200


async def _refresh(simulator: Simulator, token: str) -> tuple[int, dict[str, str]]:
    answer = await simulator.token(grant_type="refresh_token", refresh_token=token)
    return answer.status_code, answer.json()


async def _authorize(simulator: Simulator, query: dict[str, str]) -> httpx.Response:
    return await simulator.http.get(f"/{simulator.shop}/admin/oauth/authorize", params=query)


async def test_an_app_is_told_its_scopes(simulator: Simulator):
    address = f"/{simulator.shop}/admin/oauth/access_scopes.json"
    told = await simulator.http.get(address, headers=simulator.headers)
    refused = await simulator.http.get(address)

    assert told.json() == {
        "access_scopes": [{"handle": scope} for scope in sorted(SCOPES.split(","))]
    }
    assert refused.status_code == 401
