"""Browsers that hold Shopify's proof of ownership, as oauth signs it."""

from typing import Any

import httpx

from services.oauth.claims import sign_recovery
from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.platform import PASSWORD, Platform, domain_of

NEW_PASSWORD = "another long enough password"
RECOVERY = "/api/auth/recovery"


def proof(platform: Platform, shop: Shop, person: str = "5f2c") -> str:
    signer = platform.keys.signer("oauth")
    return sign_recovery(signer, shop.tenant_id, domain_of(shop.tenant_id), person)


def hold_proof(platform: Platform, browser: httpx.AsyncClient, token: str) -> None:
    host = platform.origin.split("://")[1].split(":")[0]
    domain = host if "." in host else f"{host}.local"
    browser.cookies.set(platform.parts.cookies.recovery, token, domain=domain)


async def proven_browser(
    platform: Platform, shop: Shop, token: str | None = None
) -> httpx.AsyncClient:
    browser = await platform.new_browser()
    hold_proof(platform, browser, token or proof(platform, shop))
    return browser


async def reset(browser: httpx.AsyncClient, password: str = NEW_PASSWORD) -> httpx.Response:
    return await browser.post(RECOVERY, json={"mode": "reset", "password": password})


async def take_over(
    browser: httpx.AsyncClient, username: str, password: str = PASSWORD
) -> httpx.Response:
    body = {"mode": "takeover", "username": username, "password": password}
    return await browser.post(RECOVERY, json=body)


async def add_member(platform: Platform, shop: Shop, username: str, role: str) -> None:
    """Of a user there is already."""
    await platform.execute(
        "INSERT INTO identity.memberships (tenant_id, user_id, shop_domain, role)"
        " SELECT $1, id, $2, $3 FROM identity.users WHERE username = $4",
        shop.tenant_id,
        domain_of(shop.tenant_id),
        role,
        username,
    )


async def members(platform: Platform, shop: Shop) -> dict[str, str]:
    rows = await platform.fetch(
        "SELECT u.username, m.role FROM identity.memberships m"
        " JOIN identity.users u ON u.id = m.user_id WHERE m.tenant_id = $1",
        shop.tenant_id,
    )
    return {row["username"]: row["role"] for row in rows}


async def actions(platform: Platform, shop: Shop) -> list[Any]:
    rows = await platform.fetch(
        "SELECT action FROM identity.audit_log WHERE tenant_id = $1 ORDER BY at, id",
        shop.tenant_id,
    )
    return [row["action"] for row in rows]
