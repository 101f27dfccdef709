"""Every page in every state it can be in: usable by all, honest, and well again by itself."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.async_api import Page, expect

from libs.simulator.numbers import stable_number
from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import EMPTY_SHOP, SHOP, Running
from tests.e2e.merchants import enter, sign_in

pytestmark = pytest.mark.system
"""Shares the running system with the merchant's journey, before or after it."""

USER = "fern"


@contextmanager
def _standing_still(running: Running, service: str) -> Iterator[None]:
    """The service accepts what is sent to it and answers nothing, as under a hung disk."""
    pid = running.ready["pids"][service]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_the_pages_before_the_figures_are_accessible(running, context, screenshots):
    page = await context.new_page()
    await page.goto(f"{running.gateway}/login")
    await expect(page.get_by_test_id("login-form")).to_be_visible()
    await expect_accessible(page, "login", screenshots)
    await sign_in(page, "nobody", "not the password")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect_accessible(page, "login-refused", screenshots)
    await page.goto(f"{running.gateway}/connect")
    await expect(page.get_by_test_id("connect-form")).to_be_visible()
    await expect_accessible(page, "connect", screenshots)
    await page.goto(f"{running.gateway}/api/shopify/auth?shop=evil.com/.myshopify.com")
    await expect(page.get_by_test_id("error-request-id")).to_be_visible()
    await expect_accessible(page, "connect-refused", screenshots)
    await page.goto(f"{running.gateway}/welcome")
    await expect(page.get_by_role("heading", name="expired")).to_be_visible()
    await expect_accessible(page, "welcome-expired", screenshots)


async def test_an_address_that_is_none_says_so_and_leads_back(running, context, screenshots):
    page = await context.new_page()
    await page.goto(f"{running.gateway}/no/such/page")
    await expect(page.get_by_role("heading", name="no such page")).to_be_visible()
    await expect_accessible(page, "not-found", screenshots)
    await page.get_by_role("link", name="Go to the overview").click()
    await expect(page.get_by_test_id("login-form")).to_be_visible()


async def test_the_figures_and_the_finished_import_are_accessible(running, context, screenshots):
    page = await context.new_page()
    await enter(page, running, SHOP, USER)
    await expect(page.get_by_test_id("chart-sales")).to_be_visible()
    await expect_accessible(page, "overview-chart", screenshots)
    await page.get_by_role("button", name="Show table").click()
    await page.get_by_test_id("range-custom").click()
    await expect(page.get_by_test_id("sales-table")).to_be_visible()
    await expect_accessible(page, "overview-table", screenshots)
    await page.goto(f"{running.gateway}/?from=2020-01-01&to=2020-01-31")
    await expect(page.get_by_test_id("sales-empty")).to_contain_text("No orders in this range")
    await expect_accessible(page, "overview-range-without-orders", screenshots)
    await page.goto(f"{running.gateway}/welcome")
    await expect(page.get_by_test_id("progress-orders")).to_contain_text("Done")
    await expect_accessible(page, "welcome-done", screenshots)


async def test_a_shop_without_orders_says_what_comes_next(running, context, screenshots):
    order = running.control(f"shops/{EMPTY_SHOP}/orders/{stable_number('Order', 'A0')}")
    async with httpx.AsyncClient(timeout=60) as http:
        (await http.delete(order)).raise_for_status()
    page = await context.new_page()
    await enter(page, running, EMPTY_SHOP, "quiet")
    await expect(page.get_by_test_id("tile-orders")).to_have_text("0")
    await expect(page.get_by_test_id("sales-empty")).to_contain_text("New orders appear here")
    await expect(page.get_by_text("No customer has ordered yet")).to_be_visible()
    await expect_accessible(page, "overview-empty", screenshots)


async def test_a_service_that_hangs_costs_its_sections_and_a_retry_mends_them(
    running, context, screenshots
):
    page = await context.new_page()
    await enter(page, running, SHOP, USER)
    with _standing_still(running, "analytics"):
        await page.reload()
        await expect(page.get_by_label("Loading top customers")).to_be_visible()
        await expect_accessible(page, "overview-loading", screenshots)
        failed = page.get_by_text("Top customers could not be loaded")
        await expect(failed).to_be_visible(timeout=90_000)
        section = page.get_by_test_id("top-customers")
        await expect(section.get_by_test_id("error-request-id")).to_have_text(re.compile(r"\S{8}"))
        await expect(page.get_by_text("Fernwood", exact=True)).to_be_visible()
        await expect_accessible(page, "overview-error", screenshots)
        # While it hangs: once it goes on, the page may mend itself before the button is reached.
        await section.get_by_role("button", name="Try again").click()
    await expect(section.get_by_role("table")).to_be_visible()


async def test_offline_says_so_keeps_the_figures_and_recovers_by_itself(
    running, context, screenshots
):
    page = await context.new_page()
    await enter(page, running, SHOP, USER)
    orders = page.get_by_test_id("tile-orders")
    await expect(orders).to_have_text(re.compile(r"\d"))
    before = await orders.inner_text()
    await context.set_offline(True)
    banner = page.get_by_test_id("offline-banner")
    await expect(banner).to_have_text(re.compile(r"You are offline\. Figures of \d\d:\d\d\."))
    await expect(page.get_by_test_id("freshness")).to_have_attribute("data-state", "offline")
    await expect(orders).to_have_text(before)
    await expect_accessible(page, "overview-offline", screenshots)
    made = {"lines": [{"title": "While away", "quantity": 1, "price": "9.99"}]}
    async with httpx.AsyncClient(timeout=60) as http:
        (await http.post(running.control(f"shops/{SHOP}/orders"), json=made)).raise_for_status()
    await context.set_offline(False)
    await expect(banner).to_have_count(0)
    await expect(orders).to_have_text(f"{int(before.replace(',', '')) + 1:,}")


async def test_a_session_that_ends_leads_to_login_and_back_to_the_same_page(
    running, context, screenshots
):
    page = await context.new_page()
    await enter(page, running, SHOP, USER)
    await page.get_by_test_id("range-90d").click()
    await expect(page).to_have_url(f"{running.gateway}/?range=90d")
    await _end_session_elsewhere(page, running)
    await page.get_by_test_id("range-all").click()
    await expect(page.get_by_test_id("session-ended")).to_be_visible()
    await expect_accessible(page, "login-after-session", screenshots)
    await sign_in(page, USER)
    await expect(page).to_have_url(f"{running.gateway}/?range=all")
    await expect(page.get_by_test_id("chart-sales")).to_be_visible()


async def _end_session_elsewhere(page: Page, running: Running) -> None:
    """The browser keeps its cookie, and the server no longer knows it."""
    held = {each["name"]: each["value"] for each in await page.context.cookies()}
    async with httpx.AsyncClient(base_url=running.gateway, cookies=held, timeout=60) as http:
        answer = await http.post("/api/auth/logout", headers={"Origin": running.gateway})
        answer.raise_for_status()


_FOCUSED = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const all = [...document.querySelectorAll("a[href], button, input, [tabindex='0']")];
  return { index: all.indexOf(at), count: all.length, ring, label: at.outerHTML.slice(0, 120) };
}"""


@pytest.mark.parametrize("path", ["/login", "/connect", "/"])
async def test_the_tab_key_reaches_every_control_in_order_with_a_visible_ring(
    running, context, path
):
    page = await context.new_page()
    if path == "/":
        await enter(page, running, SHOP, USER)
        await expect(page.get_by_test_id("chart-sales")).to_be_visible()
    await page.goto(f"{running.gateway}{path}")
    await expect(page.get_by_role("main")).to_be_visible()
    await expect(page.get_by_test_id("chart-sales")).to_have_count(1 if path == "/" else 0)
    await page.evaluate("document.activeElement.blur()")
    count = (await page.evaluate(_FOCUSED))["count"]
    reached = []
    # Past the last control the focus leaves the page once, and comes back to the first.
    for _ in range(count + 1):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(_FOCUSED)
        if focused["label"].startswith("<body") or len(reached) == count:
            continue
        assert focused["ring"], focused["label"]
        reached.append(focused["index"])
    start = reached.index(0)
    assert [*reached[start:], *reached[:start]] == list(range(count))


async def test_the_keyboard_skips_reads_the_chart_and_closes_what_it_opened(running, context):
    page = await context.new_page()
    await enter(page, running, SHOP, USER)
    chart = page.get_by_role("slider")
    await expect(chart).to_be_visible()
    await page.reload()
    await expect(chart).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await page.keyboard.press("Tab")
    label = page.get_by_role("button", name="Total sales")
    await expect(label).to_be_focused()
    await page.keyboard.press("Enter")
    definition = page.locator("[popover]:popover-open")
    await expect(definition).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(definition).to_have_count(0)
    await expect(label).to_be_focused()
    await chart.focus()
    last = await chart.get_attribute("aria-valuetext")
    await page.keyboard.press("Home")
    await expect(chart).to_have_attribute("aria-valuenow", "0")
    assert await chart.get_attribute("aria-valuetext") != last


async def test_nothing_moves_for_a_person_who_asked_for_that(running, context):
    page = await context.new_page()
    await page.emulate_media(reduced_motion="reduce")
    await enter(page, running, SHOP, USER)
    moving = """() => [...document.querySelectorAll("*")].filter((each) => {
      const { transitionDuration, animationDuration } = getComputedStyle(each);
      return [transitionDuration, animationDuration].some((times) =>
        times.split(",").some((time) => parseFloat(time) > 0.001));
    }).length"""
    assert await page.evaluate(moving) == 0
    await page.emulate_media(reduced_motion="no-preference")
    assert await page.evaluate(moving) > 0, "the question finds what moves"
