"""A merchant connects a shop: a tenant with sealed tokens, an event and a claim come of it,
all or nothing, and the same shop is always the same tenant."""

import asyncio
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from libs.common.identity import TokenVerifier
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import (
    OLDER_SECRET,
    SECRET,
    OauthDriver,
    new_domain,
    running,
    signed,
)
from tests.integration.oauth.scripted_shopify import SCOPES, ScriptedShopify


async def test_the_browser_is_sent_to_the_shops_authorize_page(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    domain = new_domain()

    answer = await oauth.auth(f"shop={domain.upper().replace('MYSHOPIFY.COM', 'myshopify.com')}")

    assert answer.status_code == 302
    page, _, query = answer.headers["Location"].partition("?")
    assert page == f"{shopify.url}/{domain}/admin/oauth/authorize"
    asked = parse_qs(query)
    assert asked["client_id"] == ["the-app"]
    assert asked["scope"] == [SCOPES]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8080/api/shopify/callback"]
    assert len(bytes.fromhex(asked["state"][0])) == 32
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("install=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert part in cookie
    assert "Secure" not in cookie


async def test_state_and_browser_secret_are_not_stored_as_they_are(oauth: OauthDriver):
    begun = await oauth.begin(new_domain())

    [row] = await oauth.rows("SELECT * FROM tenancy.install_states")
    stored = row["state_hash"] + row["browser_hash"]
    for secret in (begun.browser, begun.parameters["state"]):
        assert bytes.fromhex(secret) not in stored
        assert secret.encode() not in stored


async def test_a_browser_with_two_tabs_may_connect_two_shops(oauth: OauthDriver):
    first = await oauth.begin(new_domain())
    second = await oauth.auth(f"shop={new_domain()}", Cookie=f"install={first.browser}")
    assert second.cookies["install"] == first.browser

    answer = await oauth.callback(signed(first.parameters), first.browser)
    assert answer.status_code == 303


async def test_a_callback_makes_tenant_credentials_event_and_claim(
    oauth: OauthDriver, shopify: ScriptedShopify, keys: CallerKeys
):
    domain = new_domain()
    begun = await oauth.begin(domain)

    answer = await oauth.callback(signed(begun.parameters), begun.browser)

    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "http://127.0.0.1:8080/welcome",
    )
    assert shopify.calls == [
        {"client_id": "the-app", "client_secret": SECRET, "code": "the-code", "expiring": "1"}
    ]
    tenant_id = await oauth.tenant_of(domain)
    shown = (await oauth.tenant(tenant_id)).json()
    assert (shown["id"], shown["shopDomain"]) == (str(tenant_id), domain)
    assert shown["status"] == "active"
    [event] = await oauth.events_of(tenant_id)
    assert event["type"] == "tenant.connected.v1"
    assert event["body"]["shopDomain"] == domain
    assert event["body"]["tenantId"] == str(tenant_id)

    cookies = answer.headers.get_list("Set-Cookie")
    assert any(c.startswith("claim=") and "HttpOnly" in c and "Max-Age=900" in c for c in cookies)
    assert any(c.startswith('install=""') and "Max-Age=0" in c for c in cookies)
    claim = TokenVerifier("gateway:claim", keys.public).verify(
        answer.cookies["claim"], frozenset({"oauth"})
    )
    assert (claim["tenant"], claim["shop"]) == (str(tenant_id), domain)
    assert claim["exp"] - claim["iat"] == 900
    assert UUID(claim["jti"])


async def test_no_token_is_stored_as_it_is(oauth: OauthDriver):
    tenant_id = await oauth.connect(new_domain())

    [row] = await oauth.rows(
        "SELECT * FROM tenancy.credentials WHERE tenant_id = :id", id=tenant_id
    )
    assert b"shp" not in row["access_token_ciphertext"] + row["refresh_token_ciphertext"]


async def test_a_callback_signed_with_the_older_secret_is_good(oauth: OauthDriver):
    begun = await oauth.begin(new_domain())
    answer = await oauth.callback(signed(begun.parameters, OLDER_SECRET), begun.browser)
    assert answer.status_code == 303


async def test_under_https_the_cookies_belong_to_the_host_alone(
    database: Database, shopify: ScriptedShopify, keys: CallerKeys
):
    public = {"PUBLIC_URL": "https://tillstream.example"}
    async with running(database.url_for("oauth"), shopify.api_url, keys, **public) as oauth:
        answer = await oauth.auth(f"shop={new_domain()}")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-install=")
    for part in ("; Secure", "; Path=/", "; HttpOnly", "; SameSite=lax"):
        assert part in cookie
    assert "Domain" not in cookie
    [uri] = parse_qs(urlsplit(answer.headers["Location"]).query)["redirect_uri"]
    assert uri == "https://tillstream.example/api/shopify/callback"


async def test_a_shop_that_connects_again_is_the_same_tenant(oauth: OauthDriver):
    domain = new_domain()
    first = await oauth.connect(domain)
    await oauth.rows(
        "UPDATE tenancy.shop_directory SET status = 'disconnected' WHERE tenant_id = :id", id=first
    )

    second = await oauth.connect(domain)

    assert second == first
    assert await oauth.status_of(first) == "active"
    assert (await oauth.token(first)).json()["accessToken"] == "shpat_2"
    assert [event["type"] for event in await oauth.events_of(first)] == ["tenant.connected.v1"] * 2


@pytest.mark.parametrize(
    ("scope", "missing"),
    [("read_orders,read_products", ["read_customers"]), ("", None)],
)
async def test_too_few_scopes_leave_no_trace(
    oauth: OauthDriver, shopify: ScriptedShopify, scope: str, missing: list[str] | None
):
    shopify.scope = scope
    domain = new_domain()
    begun = await oauth.begin(domain)

    answer = await oauth.callback(signed(begun.parameters), begun.browser)

    assert answer.status_code == 403
    error = answer.json()["error"]
    assert (error["code"], error["details"]["reason"]) == ("SHOPIFY_AUTH_FAILED", "scopes_missing")
    if missing:
        assert error["details"]["scopes"] == missing
    for table in ("tenants", "shop_directory", "credentials", "outbox"):
        assert await oauth.rows(f"SELECT 1 FROM tenancy.{table}") == []


async def test_without_the_long_history_a_shop_connects_and_it_is_remembered(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    shopify.scope = "write_orders,read_customers,read_products"
    tenant_id = await oauth.connect(new_domain())
    scopes = (await oauth.token(tenant_id)).json()["scopes"]
    assert scopes == ["read_customers", "read_products", "write_orders"]


async def test_a_code_that_shopify_does_not_take_connects_nothing(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    shopify.answer_next(400, {"error": "invalid_request", "error_description": "already used"})
    begun = await oauth.begin(new_domain())

    answer = await oauth.callback(signed(begun.parameters), begun.browser)

    assert answer.status_code == 403
    assert answer.json()["error"]["details"] == {"reason": "code_refused"}
    assert await oauth.rows("SELECT 1 FROM tenancy.tenants") == []


async def test_the_same_shop_connected_twice_at_once_keeps_the_pair_given_last(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    domain = new_domain()
    begun = [await oauth.begin(domain) for _ in range(4)]

    answers = await asyncio.gather(
        *(oauth.callback(signed(one.parameters), one.browser) for one in begun)
    )

    assert [answer.status_code for answer in answers] == [303] * 4
    tenant_id = await oauth.tenant_of(domain)
    assert len(await oauth.rows("SELECT 1 FROM tenancy.tenants")) == 1
    assert len(await oauth.events_of(tenant_id)) == 4
    assert (await oauth.token(tenant_id)).json()["accessToken"] == "shpat_4"


async def test_old_states_are_deleted_as_new_ones_come(oauth: OauthDriver):
    await oauth.begin(new_domain())
    await oauth.rows("UPDATE tenancy.install_states SET expires_at = now() - interval '2 hours'")
    await oauth.begin(new_domain())
    [row] = await oauth.rows("SELECT expires_at > now() AS live FROM tenancy.install_states")
    assert row["live"]


async def test_the_event_of_a_connection_says_what_the_shop_was_before(oauth: OauthDriver):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    await oauth.connect(domain)
    await oauth.rows("UPDATE tenancy.shop_directory SET status = 'disconnected'")
    await oauth.connect(domain)

    events = await oauth.events_of(tenant_id)

    statuses = [event["body"]["previousStatus"] for event in events]
    assert statuses == [None, "active", "disconnected"]
