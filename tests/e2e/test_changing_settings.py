"""A merchant's settings are kept, wherever and whenever they are looked at again."""

import asyncio

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import TENDED_SHOP, Running
from tests.e2e.merchants import enter

pytestmark = pytest.mark.system
"""Shares the running system; the shop whose settings change is its own."""

USER = "tender"


async def _open_settings(page: Page, running: Running) -> None:
    await enter(page, running, TENDED_SHOP, USER)
    await page.get_by_role("link", name="Settings").click()
    await expect(page).to_have_url(f"{running.gateway}/settings")


async def _ask(page: Page, running: Running, path: str) -> dict[str, object]:
    answer = await page.request.get(running.gateway + path)
    assert answer.ok
    found: dict[str, object] = await answer.json()
    return found


async def test_how_often_the_shop_is_read_and_which_orders_count_is_saved(running, context):
    page = await context.new_page()
    await _open_settings(page, running)
    form = page.get_by_test_id("settings-form")
    interval = form.get_by_label("Read what changed")
    tests = form.get_by_label("Count test orders")
    save = form.get_by_role("button", name="Save")
    await expect(interval).to_have_value("15")
    await expect(tests).not_to_be_checked()
    await expect(save).to_be_disabled()

    await interval.select_option(label="Every 3 hours")
    await tests.check()
    await save.click()
    await expect(form.get_by_role("status")).to_have_text("Saved")
    await expect(save).to_be_disabled()

    await page.reload()
    await expect(interval).to_have_value("180")
    await expect(tests).to_be_checked()
    settings = (await _ask(page, running, "/api/tenants/current"))["settings"]
    assert settings == {"pullIntervalMinutes": 180, "includeTestOrders": True, "paused": False}


async def test_the_time_zone_follows_the_shops_own(running, context):
    page = await context.new_page()
    await _open_settings(page, running)
    facts = page.get_by_test_id("shop-facts")
    await expect(facts).to_contain_text("UTC")

    async with httpx.AsyncClient(timeout=60) as http:
        moved = {"zone": "Asia/Tokyo"}
        answer = await http.patch(running.control(f"shops/{TENDED_SHOP}"), json=moved)
        answer.raise_for_status()

    async with asyncio.timeout(60):
        while (await _ask(page, running, "/api/tenants/current"))["zone"] != "Asia/Tokyo":
            await asyncio.sleep(0.2)
    await page.reload()
    await expect(facts).to_contain_text("Tokyo time (Asia/Tokyo)")


async def test_a_pause_is_seen_on_every_page_until_it_is_over(running, context, screenshots):
    page = await context.new_page()
    await _open_settings(page, running)
    pause, banner = page.get_by_test_id("settings-pause"), page.get_by_test_id("tenant-banner")
    await expect(banner).to_have_count(0)
    await pause.get_by_role("button", name="Pause the pulls").click()
    await expect(pause).to_contain_text("Scheduled pulls are paused")
    await expect(banner).to_contain_text("Scheduled pulls are paused")
    await expect_accessible(page, "settings-paused", screenshots)

    await page.reload()
    resume = pause.get_by_role("button", name="Resume the pulls")
    await expect(resume).to_be_visible()
    await page.get_by_role("link", name="Overview").click()
    await expect(banner).to_contain_text("Scheduled pulls are paused")
    assert (await _ask(page, running, "/api/ingestion/status"))["nextPullAt"] is None

    await banner.get_by_role("link", name="Open the settings").click()
    await resume.click()
    await expect(pause.get_by_role("button", name="Pause the pulls")).to_be_visible()
    await page.reload()
    await expect(pause).to_contain_text("Pausing stops the scheduled pulls")
    await expect(banner).to_have_count(0)
    assert (await _ask(page, running, "/api/ingestion/status"))["nextPullAt"] is not None
