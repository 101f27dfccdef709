"""A shop with dates that cannot be: every figure is there, and the merchant sees which they are."""

import pytest
from playwright.async_api import expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import ODD_SHOP
from tests.e2e.merchants import enter

pytestmark = pytest.mark.system
"""Shares the running system with the merchant's journey, before or after it."""


async def test_the_overview_tells_which_orders_are_on_no_day(running, context, screenshots):
    page = await context.new_page()
    await enter(page, running, ODD_SHOP, "odette")

    await expect(page.get_by_test_id("tile-total-sales")).to_have_text("$65.00")
    await expect(page.get_by_test_id("range-label")).to_contain_text("Mar 20, 2026")
    note = page.get_by_test_id("impossible-dates")
    await expect(note).to_contain_text("2 orders with an impossible date, $45.00.")
    await expect(note).to_contain_text("Dec 30, 1899")
    await expect(note).to_contain_text("Nov 2, 2099")
    link = note.get_by_role("link").first
    assert (await link.get_attribute("href") or "").startswith(f"https://{ODD_SHOP}/admin/orders/")
    await expect_accessible(page, "overview-impossible-dates", screenshots)

    await page.goto(f"{running.gateway}/?range=all")
    await expect(page.get_by_test_id("range-sales")).to_have_text("$20.00")
