"""A merchant disconnects a shop and keeps its figures, then has everything deleted, thinks again
in time, and finds all of it there.
"""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import LEAVING_SHOP
from tests.e2e.merchants import PASSWORD, connect, enter, sign_in

pytestmark = pytest.mark.system
"""Shares the running system; the shop that is left is its own."""

USER = "last"


async def _open(page: Page, action: str) -> Locator:
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_test_id("danger-zone").get_by_role("button", name=action).click()
    return page.get_by_role("dialog")


async def _confirm(dialog: Locator, action: str, password: str = PASSWORD) -> None:
    await dialog.get_by_label("Your password").fill(password)
    await dialog.get_by_role("button", name=action).click()


async def test_a_shop_is_disconnected_then_deleted_and_kept_after_all(
    running, context, screenshots
):
    page = await context.new_page()
    await enter(page, running, LEAVING_SHOP, USER)
    await page.get_by_role("link", name="Settings").click()
    await expect(page.get_by_test_id("data-requests")).to_contain_text("No customer has asked")
    dialog = await _open(page, "Disconnect the shop")
    await _confirm(dialog, "Disconnect", "not the password")
    await expect(dialog.get_by_role("alert")).to_contain_text("password is incorrect")
    await expect_accessible(page, "settings-wrong-password", screenshots)
    await _confirm(dialog, "Disconnect")
    banner = page.get_by_test_id("tenant-banner")
    await expect(banner).to_contain_text("This shop is disconnected")
    await expect_accessible(page, "settings-disconnected", screenshots)
    await page.get_by_role("link", name="Overview").click()
    await expect(banner.get_by_role("link", name="Connect again")).to_be_visible()
    await expect(page.get_by_test_id("tile-orders")).to_have_text("20")

    dialog = await _open(page, "Delete all data")
    await expect(dialog).to_contain_text("in 24 hours")
    await dialog.get_by_label("Shop domain").fill(LEAVING_SHOP)
    await expect_accessible(page, "settings-delete", screenshots)
    await _confirm(dialog, "Delete all data")
    await page.wait_for_url("**/deletion")
    scheduled = page.get_by_test_id("deletion-scheduled")
    await expect(scheduled).to_contain_text(f"{LEAVING_SHOP} is disconnected")
    deadline = await scheduled.get_by_role("time").inner_text()
    assert re.fullmatch(r"\w+ \d+, \d{4} at \d\d:\d\d .+", deadline)
    await expect_accessible(page, "deletion-scheduled", screenshots)

    await page.get_by_role("link", name="Sign in").click()
    await sign_in(page, USER)
    refusal = page.get_by_test_id("shop-scheduled")
    await expect(refusal).to_contain_text(f"will be deleted on {deadline}")
    await expect_accessible(page, "login-scheduled", screenshots)

    await refusal.get_by_role("link", name="Connect again").click()
    await expect(page.get_by_label("Shop domain")).to_have_value(LEAVING_SHOP)
    await connect(page, running, LEAVING_SHOP)
    await page.goto(f"{running.gateway}/login")
    await sign_in(page, USER)
    await expect(page.get_by_test_id("tile-orders")).to_have_text("20")
