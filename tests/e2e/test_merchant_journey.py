"""A merchant connects a shop, watches its history come in, and sees true figures that move."""

import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import OTHER_SHOP, SHOP, Running
from tests.e2e.merchants import PASSWORD, connect, create_account, sign_in

pytestmark = pytest.mark.system
"""One whole system, which takes both cores; the tests share it and run in their order."""

USER = "fern"


def _money(text: str) -> Decimal:
    return Decimal(re.sub(r"[^0-9.]", "", text))


async def _see_first_pull(page: Page, running: Running) -> None:
    truth = running.truth(SHOP)
    orders = page.get_by_test_id("progress-orders")
    await expect(orders).to_contain_text(f"{truth['orders']:,}", timeout=60_000)
    await expect(page.get_by_role("heading", name=re.compile("is ready"))).to_be_visible(
        timeout=60_000
    )
    await page.get_by_test_id("open-overview").click()


async def _see_true_figures(page: Page, running: Running) -> None:
    truth = running.truth(SHOP)
    await expect(page.get_by_test_id("tile-orders")).to_contain_text(f"{truth['orders']:,}")
    await expect(page.get_by_test_id("tile-customers")).to_contain_text(f"{truth['customers']:,}")
    sales = page.get_by_test_id("tile-total-sales")
    await expect(sales).to_contain_text(f"£{Decimal(truth['revenue']):,.2f}")
    best = truth["topCustomers"][0]
    await expect(page.get_by_test_id("top-customers")).to_contain_text(best["name"])


async def _see_a_date_range(page: Page, running: Running) -> None:
    await page.get_by_test_id("range-custom").click()
    await page.get_by_test_id("range-from").fill("2026-03-28")
    await page.get_by_test_id("range-to").fill("2026-04-03")
    await page.get_by_role("button", name="Apply").click()
    await page.wait_for_url("**from=2026-03-28*")
    truth = running.truth(SHOP, **{"from": "2026-03-28", "to": "2026-04-03"})
    orders = sum(day["orders"] for day in truth["days"])
    revenue = sum(Decimal(day["revenue"]) for day in truth["days"])
    await expect(page.get_by_test_id("range-orders")).to_have_text(f"{orders:,}")
    await expect(page.get_by_test_id("range-sales")).to_have_text(f"£{revenue:,.2f}")


async def _see_a_live_order(page: Page, running: Running) -> None:
    before = running.truth(SHOP)
    await page.evaluate("window.stayed = true")
    order = {"lines": [{"title": "Live & kicking", "quantity": 2, "price": "12.34"}]}
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(running.control(f"shops/{SHOP}/orders"), json=order)
        answer.raise_for_status()
    await expect(page.get_by_test_id("tile-orders")).to_contain_text(f"{before['orders'] + 1:,}")
    expected = Decimal(before["revenue"]) + Decimal("24.68")
    await expect(page.get_by_test_id("tile-total-sales")).to_contain_text(f"£{expected:,.2f}")
    assert await page.evaluate("window.stayed"), "the page was loaded again"


async def test_from_connect_to_live_figures_and_out_again(running, context, screenshots):
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(running.gateway)
    await expect(page.get_by_test_id("login-form")).to_be_visible()

    await connect(page, running, SHOP)
    await create_account(page, USER)
    await _see_first_pull(page, running)
    await _see_true_figures(page, running)
    await page.screenshot(path=screenshots / "overview.png", full_page=True)
    await _see_a_date_range(page, running)
    await _see_a_live_order(page, running)

    await page.get_by_test_id("logout").click()
    await expect(page.get_by_test_id("login-form")).to_be_visible()
    cookies = {cookie["name"] for cookie in await context.cookies()}
    assert "session" not in cookies
    assert faults == []


async def test_a_wrong_password_is_refused_and_the_right_one_lets_in(running, context):
    page = await context.new_page()
    await page.goto(f"{running.gateway}/login")
    await sign_in(page, USER, "not the password")
    await expect(page.get_by_role("alert")).to_be_visible()
    await sign_in(page, USER)
    await expect(page.get_by_test_id("tile-orders")).to_be_visible()


_QUESTIONS = (
    "/api/auth/session",
    "/api/auth/claim",
    "/api/auth/recovery",
    "/api/auth/sessions",
    "/api/tenants/current",
    "/api/tenants/current/notices",
    "/api/tenants/current/audit-log",
    "/api/ingestion/status",
    "/api/ingestion/pulls?limit=5",
    "/api/tenants/current/data-requests",
    "/api/tenants/current/data-requests/{request_id}/file",
    "/api/analytics/summary",
    "/api/analytics/orders",
    "/api/analytics/orders?from=2026-03-01&to=2026-06-30",
    "/api/analytics/top-customers?limit=50",
)
_STREAMS = {"/api/live"}
"""Without an end; the page shows what they say."""


def _values_of(truth: dict[str, Any]) -> set[str]:
    """What would give a shop away: its domain and its money, in all, by day and by customer."""
    parts = [*truth["topCustomers"], *truth["days"]]
    return {truth["shop"], truth["revenue"], *(part["revenue"] for part in parts)}


async def _get_nothing_of_the_first_from_the_api(page: Page, running: Running) -> None:
    """Every GET route, plainly and with the first tenant named in every way a caller could."""
    first, second = (running.truth(shop, **{"from": ""}) for shop in (SHOP, OTHER_SHOP))
    foreign = {f'"{value}"' for value in _values_of(first) - _values_of(second) - {"0.00"}}
    tenant = (await _sign_in_over_http(running, USER)).json()["tenant"]
    paths = running.get_paths() - _STREAMS
    assert paths <= {question.partition("?")[0] for question in _QUESTIONS}, "a route is not asked"
    answers = []
    for question in _QUESTIONS:
        join = "&" if "?" in question else "?"
        naming = f"{question}{join}tenantId={tenant['id']}&tenant={tenant['id']}&shop={SHOP}"
        headers = {"X-Tenant-Id": tenant["id"], "X-Shopify-Shop-Domain": SHOP}
        for url in (question, naming):
            answer = await page.request.get(running.gateway + url, headers=headers)
            answers.append(await answer.text())
    told = "\n".join(answers)
    assert second["revenue"] in told, "its own figures are there"
    assert tenant["id"] not in told
    assert [value for value in foreign if value in told] == []


async def _sign_in_over_http(running: Running, user: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=running.gateway, timeout=60) as http:
        form = {"username": user, "password": PASSWORD}
        headers = {"Origin": running.gateway}
        answer = await http.post("/api/auth/login", json=form, headers=headers)
        return answer.raise_for_status()


async def test_a_second_shop_shows_nothing_of_the_first(running, context, screenshots):
    page = await context.new_page()
    await connect(page, running, OTHER_SHOP)
    await create_account(page, "harbour")
    await expect(page.get_by_role("heading", name=re.compile("is ready"))).to_be_visible(
        timeout=60_000
    )
    await page.get_by_test_id("open-overview").click()
    truth = running.truth(OTHER_SHOP)
    sales = page.get_by_test_id("tile-total-sales")
    await expect(sales).to_contain_text(f"{Decimal(truth['revenue']):,.2f}")
    assert _money(await sales.inner_text()) != Decimal(running.truth(SHOP)["revenue"])
    await expect(page.get_by_text("Live & kicking")).to_have_count(0)
    await _get_nothing_of_the_first_from_the_api(page, running)
    await page.set_viewport_size({"width": 390, "height": 844})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "the page scrolls sideways on a phone"
    await page.screenshot(path=screenshots / "overview-phone.png", full_page=True)


async def test_a_shop_that_is_no_shop_is_refused_with_a_request_id(running, context):
    page = await context.new_page()
    await page.goto(f"{running.gateway}/api/shopify/auth?shop=evil.com/.myshopify.com")
    await page.wait_for_url("**/connect?error=VALIDATION_INVALID_SHOP*")
    await expect(page.get_by_test_id("error-request-id")).to_be_visible()
