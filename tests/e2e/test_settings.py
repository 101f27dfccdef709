"""The settings page: what is connected, and a way to leave that nobody takes by mistake."""

import pytest
from playwright.async_api import expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import SHOP
from tests.e2e.merchants import PASSWORD, enter

pytestmark = pytest.mark.system
"""Shares the running system with the merchant's journey; nothing is changed by it."""

USER = "fern"


async def test_the_settings_show_the_shop_and_are_accessible(running, context, screenshots):
    page = await context.new_page()
    await enter(page, running, SHOP, USER)
    await page.get_by_role("link", name="Settings").click()
    await expect(page).to_have_url(f"{running.gateway}/settings")
    facts = page.get_by_test_id("shop-facts")
    for fact in (SHOP, "GBP", "Europe/London", "Connected"):
        await expect(facts).to_contain_text(fact)
    for section in ("proof", "pulls", "data-requests"):
        loading = page.get_by_test_id(section).get_by_role("status", name="Loading")
        await expect(loading).to_have_count(0)
    await expect_accessible(page, "settings", screenshots)
    await page.reload()
    await expect(facts).to_contain_text(SHOP)


async def test_deleting_waits_for_the_shops_name_and_a_password_and_escape_takes_it_back(
    running, context, screenshots
):
    page = await context.new_page()
    await enter(page, running, SHOP, USER)
    await page.get_by_role("link", name="Settings").click()
    action = page.get_by_test_id("danger-zone").get_by_role("button", name="Delete all data")
    await action.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    name = dialog.get_by_label("Shop domain")
    await expect(name).to_be_focused()
    act = dialog.get_by_role("button", name="Delete all data")
    await dialog.get_by_label("Your password").fill(PASSWORD)
    await name.fill("harbour-lane.myshopify.com")
    await expect(act).to_be_disabled()
    await expect_accessible(page, "settings-delete-other-name", screenshots)
    await name.fill(SHOP)
    await expect(act).to_be_enabled()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(action).to_be_focused()
    await page.get_by_role("link", name="Overview").click()
    await expect(page.get_by_test_id("tile-orders")).to_be_visible()
