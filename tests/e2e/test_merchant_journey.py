"""A merchant connects a shop, watches its history come in, and sees true figures that move."""

import re
from decimal import Decimal

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import OTHER_SHOP, SHOP, Running

pytestmark = pytest.mark.system
"""One whole system, which takes both cores; the tests share it and run in their order."""

USER = "fern"
PASSWORD = "a long sentence is better"


async def _connect(page: Page, running: Running, shop: str) -> None:
    await page.goto(f"{running.gateway}/connect")
    await page.get_by_label("Shop domain").fill(shop)
    await page.get_by_role("button", name="Connect").click()
    await page.wait_for_url("**/welcome*")


async def _create_account(page: Page, user: str) -> None:
    form = page.get_by_test_id("claim-form")
    await form.get_by_label("User name").fill(user)
    await form.get_by_label("Password", exact=True).fill(PASSWORD)
    await form.get_by_label("Confirm password").fill(PASSWORD)
    await form.get_by_role("button", name="Create account").click()


async def _sign_in(page: Page, password: str) -> None:
    form = page.get_by_test_id("login-form")
    await form.get_by_label("User name").fill(USER)
    await form.get_by_label("Password").fill(password)
    await form.get_by_role("button", name="Sign in").click()


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
    async with httpx.AsyncClient() as http:
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

    await _connect(page, running, SHOP)
    await _create_account(page, USER)
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
    await _sign_in(page, "not the password")
    await expect(page.get_by_role("alert")).to_be_visible()
    await _sign_in(page, PASSWORD)
    await expect(page.get_by_test_id("tile-orders")).to_be_visible()


async def test_a_second_shop_shows_nothing_of_the_first(running, context, screenshots):
    page = await context.new_page()
    await _connect(page, running, OTHER_SHOP)
    await _create_account(page, "harbour")
    await expect(page.get_by_role("heading", name=re.compile("is ready"))).to_be_visible(
        timeout=60_000
    )
    await page.get_by_test_id("open-overview").click()
    truth = running.truth(OTHER_SHOP)
    sales = page.get_by_test_id("tile-total-sales")
    await expect(sales).to_contain_text(f"{Decimal(truth['revenue']):,.2f}")
    assert _money(await sales.inner_text()) != Decimal(running.truth(SHOP)["revenue"])
    await expect(page.get_by_text("Live & kicking")).to_have_count(0)
    await page.set_viewport_size({"width": 390, "height": 844})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "the page scrolls sideways on a phone"
    await page.screenshot(path=screenshots / "overview-phone.png", full_page=True)


async def test_a_shop_that_is_no_shop_is_refused_with_a_request_id(running, context):
    page = await context.new_page()
    await page.goto(f"{running.gateway}/api/shopify/auth?shop=evil.com/.myshopify.com")
    await page.wait_for_url("**/connect?error=VALIDATION_INVALID_SHOP*")
    await expect(page.get_by_test_id("error-request-id")).to_be_visible()
