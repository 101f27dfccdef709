"""A user signs in with the right password only, and a session ends when it is said to end."""

import bcrypt
import httpx
import pytest

from tests.integration.gateway.platform import (
    PASSWORD,
    Platform,
    code_of,
    domain_of,
    log_in,
    redeem,
)


async def test_the_right_password_opens_a_session(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "Ada Lovelace")
    browser = await platform.new_browser()

    answer = await log_in(browser, "  ADA lovelace ")

    assert answer.status_code == 200
    session = answer.json()
    assert session["user"]["username"] == "ada lovelace"
    assert session["tenant"] == {
        "id": str(shop.tenant_id),
        "shopDomain": domain_of(shop.tenant_id),
        "role": "owner",
    }
    assert (await browser.get("/api/auth/session")).json() == session
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(platform: Platform):
    await platform.new_owner(await platform.new_shop(), "ada")
    browser = await platform.new_browser()

    answers = [
        await log_in(browser, "ada", "a wrong password"),
        await log_in(browser, "nobody", PASSWORD),
        await log_in(browser, "a\0da", PASSWORD),
        await log_in(browser, "", PASSWORD),
        await log_in(browser, "ada", ""),
    ]

    assert {code_of(answer) for answer in answers} == {(401, "AUTH_INVALID_CREDENTIALS")}
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
    assert not browser.cookies


async def test_a_long_passphrase_in_any_script_signs_in(platform: Platform):
    passphrase = "правильная лошадь батарейка скрепка " * 3
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(await platform.new_shop()))

    assert len(passphrase) > 100
    assert (await redeem(browser, "ada", passphrase)).status_code == 201
    assert (await log_in(await platform.new_browser(), "ada", passphrase)).status_code == 200
    refused = await log_in(await platform.new_browser(), "ada", passphrase[:-1])
    assert code_of(refused) == (401, "AUTH_INVALID_CREDENTIALS")


async def test_an_older_hash_is_replaced_at_the_next_sign_in(platform: Platform):
    await platform.new_owner(await platform.new_shop(), "ada")
    older = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    await platform.execute("UPDATE identity.users SET password_hash = $1", older)
    browser = await platform.new_browser()

    assert (await log_in(browser, "ada", "wrong password")).status_code == 401
    [user] = await platform.fetch("SELECT password_hash FROM identity.users")
    assert user["password_hash"] == older
    assert (await log_in(browser, "ada")).status_code == 200
    [user] = await platform.fetch("SELECT password_hash FROM identity.users")
    assert user["password_hash"].startswith("$sha384$2b$")
    assert (await log_in(browser, "ada")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'{"username": "ada"}', b'{"username": 1, "password": "x"}'),
        b'{"username": "\\ud800", "password": "\\ud800xxxxxxxx"}',
    ],
)
async def test_a_malformed_sign_in_is_refused_in_the_error_shape(platform: Platform, body: bytes):
    browser = await platform.new_browser()

    answer = await browser.post(
        "/api/auth/login", content=body, headers={"Content-Type": "application/json"}
    )

    assert code_of(answer) == (400, "VALIDATION_FAILED")
    assert answer.json()["requestId"] == answer.headers["X-Request-Id"]


async def test_the_cookie_is_bound_to_the_host_under_https(https_platform: Platform):
    browser = await https_platform.new_owner(await https_platform.new_shop(), "ada")

    answer = await log_in(browser, "ada")

    days = {"session": 1, "device": 180}
    cookies = [cookie.lower() for cookie in answer.headers.get_list("Set-Cookie")]
    assert [cookie.partition("=")[0] for cookie in cookies] == [f"__host-{name}" for name in days]
    for cookie, lifetime in zip(cookies, days.values(), strict=True):
        flags = set(cookie.split("; "))
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= flags
        assert f"max-age={lifetime * 86400}" in flags
        assert "domain" not in cookie
    assert (await browser.get("/api/auth/session")).status_code == 200


async def test_the_cookie_has_a_plain_name_on_a_loopback_address(platform: Platform):
    browser = await platform.new_owner(await platform.new_shop(), "ada")

    cookie = (await log_in(browser, "ada")).headers["Set-Cookie"].lower()

    assert cookie.startswith("session=")
    assert {"httponly", "samesite=lax", "path=/"} <= set(cookie.split("; "))
    assert "secure" not in cookie


async def test_signing_out_ends_the_session_on_the_server(platform: Platform):
    browser = await platform.new_owner(await platform.new_shop(), "ada")
    stolen = browser.cookies["session"]

    answer = await browser.post("/api/auth/logout")

    assert (answer.status_code, answer.content) == (204, b"")
    assert "session" not in browser.cookies
    thief = await platform.new_browser()
    thief.cookies.set("session", stolen)
    assert code_of(await thief.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert (await browser.post("/api/auth/logout")).status_code == 204


async def test_signing_in_again_replaces_the_session(platform: Platform):
    browser = await platform.new_owner(await platform.new_shop(), "ada")
    before = browser.cookies["session"]

    await log_in(browser, "ada")

    assert browser.cookies["session"] != before
    old = await platform.new_browser()
    old.cookies.set("session", before)
    assert code_of(await old.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")


async def test_an_expired_session_opens_nothing_and_is_deleted_in_time(platform: Platform):
    browser = await platform.new_owner(await platform.new_shop(), "ada")
    await platform.execute("UPDATE identity.sessions SET expires_at = now() - interval '1 second'")

    for path in ("auth/session", "tenants/current", "analytics/summary", "live"):
        assert code_of(await browser.get(f"/api/{path}")) == (401, "AUTH_SESSION_EXPIRED")
    await log_in(await platform.new_browser(), "ada")
    [left] = await platform.fetch("SELECT count(*) AS n FROM identity.sessions")
    assert left["n"] == 1


async def test_the_database_holds_neither_the_token_nor_the_password(platform: Platform):
    browser = await platform.new_owner(await platform.new_shop(), "ada")
    token = browser.cookies["session"]

    [user] = await platform.fetch("SELECT * FROM identity.users WHERE username = 'ada'")
    [session] = await platform.fetch("SELECT * FROM identity.sessions")

    assert user["password_hash"].startswith("$sha384$2b$")
    assert token.encode() not in session["token_hash"]
    assert len(session["token_hash"]) == 32
    assert len(token) >= 43


@pytest.mark.parametrize(
    "headers",
    [
        *({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}),
        *({"Sec-Fetch-Site": "cross-site"}, {}),
    ],
)
async def test_another_site_can_neither_sign_in_nor_out_nor_claim(
    platform: Platform, headers: dict[str, str]
):
    browser = await platform.new_owner(await platform.new_shop(), "ada")
    del browser.headers["Origin"]

    for path in ("login", "logout", "claim"):
        answer = await browser.post(f"/api/auth/{path}", json={}, headers=headers)
        assert code_of(answer) == (403, "ORIGIN_REFUSED")
        assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
    assert (await browser.get("/api/auth/session")).status_code == 200


async def test_our_own_page_and_a_program_without_cookies_may_sign_in(platform: Platform):
    await platform.new_owner(await platform.new_shop(), "ada")
    proofs: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.example"},
        {"Origin": platform.origin},
        {},
    ]

    for headers in proofs:
        browser: httpx.AsyncClient = await platform.new_browser()
        del browser.headers["Origin"]
        browser.headers.update(headers)
        assert (await log_in(browser, "ada")).status_code == 200
