# Feature: shopify-multi-tenant-dashboard, Property 36: For any log entry, it should not contain plain text access tokens, encryption keys, or passwords.
"""Whatever is done with a token, a key or a password: no log entry holds it."""

import base64
import secrets
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from libs.common.clock import utc_now
from libs.common.logs import get_logger
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.gateway.platform import Platform, log_in
from tests.integration.oauth.driver import OauthDriver, new_domain, running, signed
from tests.integration.oauth.scripted_shopify import SCOPES, ScriptedShopify, scripted_shopify
from tests.properties.log_lines import LogLines
from tests.properties.members import Members
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "libs/common/logs.py",
    "                redact_secrets,",
    "                lambda _logger, _method, event: event,",
)
KEY = base64.b64encode(secrets.token_bytes(32)).decode()
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+/=!äö田 "
NAMES = (
    *("access_token", "refreshToken", "password", "encryption_key", "api_key", "Authorization"),
    *("X-Shopify-Access-Token", "session_token", "client_secret", "cookie", "body"),
)
TROUBLES = ("none", "spent", "echoed", "malformed", "stack")


def _secret(chance: Random) -> str:
    """Long enough to be nowhere by accident; one in two as Shopify makes them."""
    if chance.random() < 0.5:
        return "shpat_" + "".join(chance.choices("0123456789abcdef", k=32))
    return "".join(chance.choices(LETTERS, k=24)).strip().ljust(12, "x")


@pytest.fixture
async def shopify() -> AsyncIterator[ScriptedShopify]:
    async with scripted_shopify() as made:
        yield made


@pytest.fixture
async def oauth(
    database: Database, keys: CallerKeys, shopify: ScriptedShopify
) -> AsyncIterator[OauthDriver]:
    changes = {"ENCRYPTION_KEY": f"k1:{KEY}"}
    async with running(database.url_for("oauth"), shopify.api_url, keys, **changes) as driver:
        yield driver


@PROPERTY
@given(seed=st.integers(0, 2**64), trouble=st.sampled_from(TROUBLES))
async def test_no_log_entry_of_a_whole_life_holds_a_secret(
    oauth: OauthDriver,
    store: Store,
    gateway: Platform,
    members: Members,
    shopify: ScriptedShopify,
    log_lines: LogLines,
    seed: int,
    trouble: str,
):
    chance = Random(seed)
    access, refresh, code, password, wrong = (_secret(chance) for _ in range(5))
    log_lines.forget()

    await _connect_and_refresh(oauth, shopify, (access, refresh, code), trouble)
    cookies = await _sign_in(store, gateway, members, password, wrong)

    text = log_lines.text
    assert "shop_connected" in text
    assert "sign_in_refused" in text
    told = [access, refresh, code, password, wrong, KEY, *cookies]
    assert [secret for secret in told if _is_in(secret, text)] == []


@PROPERTY
@given(
    seed=st.integers(0, 2**64),
    name=st.sampled_from(NAMES),
    depth=st.integers(0, 4),
)
async def test_a_secret_that_is_handed_to_the_log_does_not_come_out(
    log_lines: LogLines, seed: int, name: str, depth: int
):
    secret = _secret(Random(seed))
    value: object = {name: secret}
    for level in range(depth):
        value = {"deeper": value} if level % 2 else [value, {"beside": 1}]
    log_lines.forget()

    get_logger().info("handed", **{name: secret}, nested=value)
    if secret.startswith("shpat_"):
        get_logger().info("told", reason=f"the token {secret} was refused")
        try:
            raise ValueError(secret)
        except ValueError:
            get_logger().exception("failed", url=f"https://x.example/?access_token={secret}")

    assert log_lines.read()
    assert not _is_in(secret, log_lines.text)


def _is_in(secret: str, text: str) -> bool:
    return secret in text or base64.b64encode(secret.encode()).decode() in text


async def _connect_and_refresh(
    oauth: OauthDriver, shopify: ScriptedShopify, given_secrets: tuple[str, str, str], trouble: str
) -> None:
    access, refresh, code = given_secrets
    pair = {"access_token": access, "refresh_token": refresh, "expires_in": 3600, "scope": SCOPES}
    begun = await oauth.begin(new_domain(), code)
    await oauth.callback(signed(begun.parameters, "another secret"), begun.browser)
    shopify.answers.append(lambda: JSONResponse(pair))
    await oauth.callback(signed(begun.parameters), begun.browser, Accept="text/html")
    tenant_id = await oauth.tenant_of(begun.parameters["shop"])
    await oauth.let_token_expire(tenant_id, utc_now())
    if trouble == "spent":
        shopify.answer_next(400, {"error": "invalid_grant", "error_description": refresh})
    elif trouble == "echoed":
        shopify.answer_next(403, {"error": access, "error_description": refresh})
    elif trouble == "malformed":
        shopify.answers.append(lambda: JSONResponse({"access_token": [access], "refresh": refresh}))
        shopify.answers.append(lambda: JSONResponse(pair))
    elif trouble == "stack":
        # The stored token does not open any more: an error that nobody foresaw, with its stack.
        sql = "UPDATE tenancy.credentials SET refresh_token_ciphertext = :x WHERE tenant_id = :id"
        await oauth.rows(sql, x=access.encode(), id=tenant_id)
    await oauth.token(tenant_id)
    shopify.answers.clear()


async def _sign_in(
    store: Store, gateway: Platform, members: Members, password: str, wrong: str
) -> list[str]:
    """Right, wrong, and in a shape that cannot be read. Returns the cookies that were given."""
    tenants = await store.connect([ShopKind()])
    username = f"user-{tenants[0]}"
    await members.add(*tenants, username=username, password=password)
    browser: httpx.AsyncClient = await gateway.new_browser()
    await log_in(browser, username, wrong)
    await log_in(browser, username, password)
    await browser.get("/api/analytics/summary")
    await browser.post("/api/auth/login", json={"username": password, "password": [password]})
    await browser.post("/api/auth/login", content=f'{{"password": "{password}'.encode())
    return list(browser.cookies.values())
