"""Only the account owner of a connected shop, as Shopify names them, gets the proof of a recovery;
and what was begun as a recovery ends as nothing else, nor the other way round."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from libs.common.identity import TokenVerifier
from tests.caller_keys import CallerKeys
from tests.integration.oauth.driver import (
    INSTALL,
    RECOVERED,
    RECOVERY,
    SECRET,
    Begun,
    OauthDriver,
    new_domain,
    signed,
)
from tests.integration.oauth.scripted_shopify import SCOPES, ScriptedShopify

OWNER: Mapping[str, Any] = {
    "id": 902541635,
    "first_name": "Olivia",
    "last_name": "Canary",
    "email": "olivia.canary@example.com",
    "email_verified": True,
    "account_owner": True,
    "locale": "en",
    "collaborator": False,
}
CALLBACKS = {INSTALL: "callback", RECOVERY: RECOVERED}


def _answer_online(shopify: ScriptedShopify, user: object) -> None:
    body = {"access_token": "shpat_of_a_person", "scope": SCOPES, "expires_in": 86399}
    shopify.answer_next(200, body | {"associated_user_scope": SCOPES, "associated_user": user})


async def _recover(oauth: OauthDriver, domain: str, **headers: str) -> httpx.Response:
    begun = await oauth.begin(domain, door=RECOVERY)
    return await oauth.callback(signed(begun.parameters), begun.browser, RECOVERED, **headers)


def _error(answer: httpx.Response) -> tuple[int, str, Any]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], (error["details"] or {}).get("reason")


def _claim(answer: httpx.Response, keys: CallerKeys) -> Mapping[str, Any]:
    verifier = TokenVerifier("gateway:recovery", keys.public)
    return verifier.verify(answer.cookies["recovery"], frozenset({"oauth"}))


async def test_the_browser_is_sent_to_shopify_for_an_online_grant(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    domain = new_domain()
    answer = await oauth.auth(f"shop={domain}", RECOVERY)

    page, _, query = answer.headers["Location"].partition("?")
    asked = parse_qs(query)
    assert (answer.status_code, page) == (302, f"{shopify.url}/{domain}/admin/oauth/authorize")
    assert asked["grant_options[]"] == ["per-user"]
    assert asked["scope"] == [SCOPES]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8080/api/shopify/recover/callback"]
    assert answer.headers["Set-Cookie"].startswith("install=")


async def test_the_account_owner_gets_a_proof_without_personal_data_and_nothing_is_stored(
    oauth: OauthDriver, shopify: ScriptedShopify, keys: CallerKeys
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    stored = await oauth.rows("SELECT * FROM tenancy.credentials")
    _answer_online(shopify, OWNER)

    with capture_logs() as logs:
        answer = await _recover(oauth, domain)

    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "http://127.0.0.1:8080/recover",
    )
    claim = _claim(answer, keys)
    assert (claim["tenant"], claim["shop"]) == (str(tenant_id), domain)
    assert claim["exp"] - claim["iat"] == 900
    assert UUID(claim["jti"])
    [cookie] = [c for c in answer.headers.get_list("Set-Cookie") if c.startswith("recovery=")]
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=900"):
        assert part in cookie
    assert shopify.calls[-1] == {
        "client_id": "the-app",
        "client_secret": SECRET,
        "code": "the-code",
    }
    told = f"{logs}{dict(claim)}"
    for private in ("Olivia", "Canary", "example.com", str(OWNER["id"]), "shpat_"):
        assert private not in told
    assert await oauth.rows("SELECT * FROM tenancy.credentials") == stored
    assert len(await oauth.events_of(tenant_id)) == 1


@pytest.mark.parametrize("verified", [True, False])
async def test_the_owner_is_known_by_the_role_and_not_by_an_address(
    oauth: OauthDriver, shopify: ScriptedShopify, verified: bool
):
    domain = new_domain()
    await oauth.connect(domain)
    _answer_online(shopify, {**OWNER, "email_verified": verified})
    assert (await _recover(oauth, domain)).status_code == 303


@pytest.mark.parametrize(
    "user",
    [
        {**OWNER, "account_owner": False},
        {**OWNER, "account_owner": False, "collaborator": True},
        {**OWNER, "collaborator": True},
    ],
)
async def test_nobody_but_the_account_owner_gets_a_proof(
    oauth: OauthDriver, shopify: ScriptedShopify, user: Mapping[str, Any]
):
    domain = new_domain()
    await oauth.connect(domain)
    _answer_online(shopify, user)

    with capture_logs() as logs:
        answer = await _recover(oauth, domain)

    assert _error(answer)[:2] == (403, "ACCOUNT_OWNER_REQUIRED")
    assert "Set-Cookie" not in answer.headers
    [event] = [line for line in logs if line["event"] == "security_event"]
    assert (event["security_event"], event["shop"]) == ("recovery_refused", domain)
    assert str(OWNER["id"]) not in str(event)


@pytest.mark.parametrize(
    "user",
    [
        None,
        {},
        [],
        "owner",
        {**OWNER, "account_owner": "true"},
        {**OWNER, "account_owner": 1},
        {**OWNER, "collaborator": None},
        {**OWNER, "id": 0},
        {name: value for name, value in OWNER.items() if name != "collaborator"},
    ],
)
async def test_an_answer_that_does_not_say_who_it_is_proves_nothing(
    oauth: OauthDriver, shopify: ScriptedShopify, user: object
):
    domain = new_domain()
    await oauth.connect(domain)
    _answer_online(shopify, user)
    assert _error(await _recover(oauth, domain)) == (403, "SHOPIFY_AUTH_FAILED", "grant_not_online")


async def test_the_token_of_a_shop_proves_nothing(oauth: OauthDriver):
    """What comes of an address from which `grant_options[]` was taken."""
    domain = new_domain()
    await oauth.connect(domain)
    assert _error(await _recover(oauth, domain)) == (403, "SHOPIFY_AUTH_FAILED", "grant_not_online")


async def test_the_token_of_a_person_connects_nothing(oauth: OauthDriver, shopify: ScriptedShopify):
    """What comes of an address to which `grant_options[]` was added: it would die in a day."""
    _answer_online(shopify, OWNER)
    begun = await oauth.begin(new_domain())
    answer = await oauth.callback(signed(begun.parameters), begun.browser)
    assert _error(answer) == (403, "SHOPIFY_AUTH_FAILED", "grant_not_offline")
    assert await oauth.rows("SELECT 1 FROM tenancy.tenants") == []


async def test_a_shop_that_is_not_connected_here_cannot_be_recovered(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    _answer_online(shopify, OWNER)
    assert _error(await _recover(oauth, new_domain()))[:2] == (404, "TENANT_NOT_FOUND")
    assert await oauth.rows("SELECT 1 FROM tenancy.tenants") == []


@pytest.mark.parametrize("status", ["disconnected", "reconnect_required"])
async def test_a_shop_that_is_cut_off_can_be_recovered(
    oauth: OauthDriver, shopify: ScriptedShopify, status: str
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    await oauth.rows("UPDATE tenancy.shop_directory SET status = :status", status=status)
    _answer_online(shopify, OWNER)
    assert (await _recover(oauth, domain)).status_code == 303
    assert await oauth.status_of(tenant_id) == status


async def test_an_erased_shop_cannot_be_recovered(oauth: OauthDriver, shopify: ScriptedShopify):
    domain = new_domain()
    await oauth.connect(domain)
    await oauth.rows("DELETE FROM tenancy.shop_directory")
    _answer_online(shopify, OWNER)
    assert _error(await _recover(oauth, domain))[:2] == (404, "TENANT_NOT_FOUND")


@pytest.mark.parametrize(("door", "other"), [(INSTALL, RECOVERY), (RECOVERY, INSTALL)])
async def test_what_was_begun_for_one_purpose_does_not_end_as_the_other(
    oauth: OauthDriver, shopify: ScriptedShopify, door: str, other: str
):
    """The signature covers the query and not the path."""
    begun = await oauth.begin(new_domain(), door=door)
    query = signed(begun.parameters)

    answer = await oauth.callback(query, begun.browser, CALLBACKS[other])

    assert _error(answer) == (403, "SHOPIFY_AUTH_FAILED", "purpose_mismatch")
    assert "Set-Cookie" not in answer.headers
    assert shopify.calls == []
    assert await oauth.rows("SELECT 1 FROM tenancy.tenants") == []


def _forged(begun: Begun) -> dict[str, tuple[Mapping[str, str], str | None]]:
    good = signed(begun.parameters)
    return {
        "browser_mismatch": (good, None),
        "hmac_invalid": (good | {"code": "another"}, begun.browser),
        "shop_mismatch": (signed({**begun.parameters, "shop": new_domain()}), begun.browser),
        "timestamp_stale": (signed({**begun.parameters, "timestamp": "1"}), begun.browser),
        "state_unknown": (signed({**begun.parameters, "state": "0" * 64}), begun.browser),
    }


async def test_a_forged_callback_proves_nothing_and_leaves_an_event(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    begun = await oauth.begin(new_domain(), door=RECOVERY)
    for reason, (query, browser) in _forged(begun).items():
        with capture_logs() as logs:
            answer = await oauth.callback(query, browser, RECOVERED)
        assert _error(answer) == (403, "SHOPIFY_AUTH_FAILED", reason)
        assert [line["security_event"] for line in logs if "security_event" in line] == [
            "recovery_refused"
        ]
    assert shopify.calls == []


async def test_a_callback_proves_once(oauth: OauthDriver, shopify: ScriptedShopify):
    domain = new_domain()
    await oauth.connect(domain)
    begun = await oauth.begin(domain, door=RECOVERY)
    query = signed(begun.parameters)
    _answer_online(shopify, OWNER)
    assert (await oauth.callback(query, begun.browser, RECOVERED)).status_code == 303
    again = await oauth.callback(query, begun.browser, RECOVERED)
    assert _error(again) == (403, "SHOPIFY_AUTH_FAILED", "state_used")


async def test_a_person_is_sent_back_to_the_page_with_the_code(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    domain = new_domain()
    await oauth.connect(domain)
    _answer_online(shopify, {**OWNER, "account_owner": False})
    answer = await _recover(oauth, domain, Accept="text/html,*/*")
    page = urlsplit(answer.headers["Location"])
    assert (answer.status_code, page.path) == (303, "/recover")
    asked = parse_qs(page.query)
    assert asked["error"] == ["ACCOUNT_OWNER_REQUIRED"]
    assert asked["requestId"] == [answer.headers["X-Request-Id"]]
