"""What a signed-in user gets from behind the gateway: the own tenant's answers, passed on whole."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from libs.common.identity import Call
from tests.integration.analytics.shop_facts import Customer, Order, Shop
from tests.integration.gateway.platform import (
    NOBODY_LISTENS,
    Platform,
    code_of,
    domain_of,
    log_in,
    running_gateway,
)

DAY = date(2026, 5, 5)


async def _owner_with_sales(
    platform: Platform, username: str, total: int
) -> tuple[Shop, httpx.AsyncClient]:
    shop = await platform.new_shop()
    shop.customers = [Customer(1, "Ada", None, f"{username}@example.com")]
    shop.orders = [Order(1, DAY, Decimal(total), customer_id=1)]
    await shop.write(version=3)
    return shop, await platform.new_owner(shop, username)


async def test_each_user_sees_the_own_shop_and_never_another(platform: Platform):
    mine, ada = await _owner_with_sales(platform, "ada", 10)
    other, eve = await _owner_with_sales(platform, "eve", 99)

    for browser, shop, total in ((ada, mine, "10.00"), (eve, other, "99.00")):
        summary = (await browser.get("/api/analytics/summary")).json()
        top = (await browser.get("/api/analytics/top-customers?limit=5")).json()
        orders = (await browser.get(f"/api/analytics/orders?from={DAY}&to={DAY}")).json()
        tenant = (await browser.get("/api/tenants/current")).json()
        assert summary["totalRevenue"] == total
        assert [one["totalRevenue"] for one in top["customers"]] == [total]
        assert orders["totals"] == {"orderCount": 1, "revenue": total}
        assert (tenant["id"], tenant["shopDomain"]) == (
            str(shop.tenant_id),
            domain_of(shop.tenant_id),
        )
        assert summary["freshness"] == tenant["freshness"]


async def test_a_tenant_cannot_be_named_in_the_question(platform: Platform):
    other, _ = await _owner_with_sales(platform, "eve", 99)
    _, ada = await _owner_with_sales(platform, "ada", 10)
    path = "/api/analytics/summary"
    call = Call("GET", path.encode())
    token = platform.keys.signer("gateway").caller_token(
        "analytics", call, tenant_id=other.tenant_id
    )

    answer = await ada.get(
        f"{path}?tenant={other.tenant_id}&tenantId={other.tenant_id}",
        headers={"Authorization": f"Bearer {token}", "X-Tenant-Id": str(other.tenant_id)},
    )

    assert answer.json()["totalRevenue"] == "10.00"


async def test_without_a_session_nothing_is_answered(platform: Platform):
    browser = await platform.new_browser()

    for path in ("auth/session", "tenants/current", "analytics/summary", "analytics/x", "live"):
        assert code_of(await browser.get(f"/api/{path}")) == (401, "AUTH_SESSION_EXPIRED")


async def test_refusals_of_analytics_come_through_with_the_same_request_id(platform: Platform):
    _, ada = await _owner_with_sales(platform, "ada", 10)
    refused = {
        "orders?from=2026-02-30": "VALIDATION_INVALID_DATE",
        "orders?from=2026-01-02&to=2026-01-01": "VALIDATION_INVALID_RANGE",
        "top-customers?limit=0": "VALIDATION_FAILED",
    }

    for question, code in refused.items():
        answer = await ada.get(f"/api/analytics/{question}")
        assert code_of(answer) == (400, code)
        assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
        assert answer.headers["Cache-Control"] == "no-store"
    for path in ("nothing", "../health/live", "%2e%2e/%2e%2e/health/live", "orders/", "a//b", ""):
        assert code_of(await ada.get(f"/api/analytics/{path}")) == (404, "NOT_FOUND")


async def test_a_tenant_of_whom_nothing_arrived_yet_is_shown_all_the_same(platform: Platform):
    shop = await platform.new_shop()
    browser = await platform.new_owner(shop, "ada")

    tenant = (await browser.get("/api/tenants/current")).json()

    assert (tenant["status"], tenant["pull"]) == ("active", None)
    assert (tenant["name"], tenant["currency"], tenant["zone"]) == (None, None, None)
    assert tenant["freshness"] == {"dataVersion": "0", "changedAt": None}
    assert tenant["connectedAt"].endswith("Z")


async def test_the_state_of_the_backfill_is_shown(platform: Platform):
    shop, browser = await _owner_with_sales(platform, "ada", 10)
    await shop.pull("running")

    tenant = (await browser.get("/api/tenants/current")).json()

    assert (tenant["name"], tenant["currency"], tenant["zone"]) == ("X", "USD", "America/New_York")
    assert (tenant["pull"]["kind"], tenant["pull"]["state"]) == ("backfill", "running")
    assert [one["entity"] for one in tenant["pull"]["entities"]] == [
        "customers",
        "orders",
        "products",
    ]


async def test_an_outage_behind_the_gateway_is_told_as_one_that_passes(
    platform: Platform, dashboard: Path
):
    away = dict.fromkeys(platform.upstreams, NOBODY_LISTENS)
    async with running_gateway(platform.database, platform.keys, dashboard, away) as lonely:
        shop = await lonely.new_shop()
        await platform.new_owner(shop, "ada")
        browser = await lonely.new_browser()
        await log_in(browser, "ada")
        for path in ("tenants/current", "analytics/summary", "shopify/auth?shop=x.myshopify.com"):
            answer = await browser.get(f"/api/{path}")
            assert code_of(answer) == (503, "SERVICE_UNAVAILABLE")
            assert answer.json()["error"]["retryable"] is True
            assert int(answer.headers["Retry-After"]) >= 1
        assert (await browser.get("/api/auth/session")).status_code == 200


async def test_a_browser_is_led_back_to_the_page_when_oauth_is_away(
    platform: Platform, dashboard: Path
):
    away = {**platform.upstreams, "OAUTH_URL": NOBODY_LISTENS}
    async with running_gateway(platform.database, platform.keys, dashboard, away) as lonely:
        browser = await lonely.new_browser()
        answer = await browser.get(
            "/api/shopify/auth?shop=x.myshopify.com", headers={"Accept": "text/html,*/*"}
        )

    target = urlsplit(answer.headers["Location"])
    assert answer.status_code == 303
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{platform.origin}/connect"
    told = parse_qs(target.query)
    assert told["error"] == ["SERVICE_UNAVAILABLE"]
    assert told["requestId"] == [answer.headers["X-Request-Id"]]


async def test_a_gateway_that_the_others_do_not_know_never_says_sign_in_again(
    platform: Platform, dashboard: Path
):
    strangers = type(platform.keys)()
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        CALLER_PRIVATE_KEY=strangers.private["gateway"],
    ) as stranger:
        await platform.new_owner(await platform.new_shop(), "ada")
        browser = await stranger.new_browser()
        await log_in(browser, "ada")
        for path in ("tenants/current", "analytics/summary"):
            assert code_of(await browser.get(f"/api/{path}")) == (503, "SERVICE_UNAVAILABLE")


async def test_connecting_a_shop_is_handed_to_oauth_and_back(platform: Platform):
    browser = await platform.new_browser()

    begun = await browser.get("/api/shopify/auth?shop=fernwood.myshopify.com")
    refused = await browser.get("/api/shopify/auth?shop=evil.com%2F.myshopify.com")
    callback = await browser.get("/api/shopify/callback?code=1&code=2&state=x")

    assert begun.status_code == 302
    assert begun.headers["Location"].startswith("https://fernwood.myshopify.com/admin/oauth/")
    assert "httponly" in begun.headers["Set-Cookie"].lower()
    assert code_of(refused) == (400, "VALIDATION_INVALID_SHOP")
    assert refused.json()["requestId"] == refused.headers["X-Request-Id"]
    assert callback.status_code in (400, 403)
