"""While a shop's history comes in, and when it never will: the pages say so, to everyone."""

import re

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import SLOW_SHOP, Running
from tests.e2e.merchants import connect, create_account

pytestmark = pytest.mark.system
"""Shares the running system; the import of its own shop lasts until this test ends it."""


async def _tell(running: Running, path: str, body: object = None) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(running.control(f"shops/{SLOW_SHOP}/{path}"), json=body)
        answer.raise_for_status()


async def _see_the_import(page: Page) -> None:
    await expect(page.get_by_role("heading", name=re.compile("^Importing"))).to_be_visible()
    for entity in ("customers", "orders", "products"):
        row = page.get_by_test_id(f"progress-{entity}")
        await expect(row).to_have_attribute("data-state", "exporting")
    await expect(page.get_by_test_id("progress-orders")).to_contain_text("of 40")
    await expect(page.get_by_test_id("progress-left")).to_contain_text("not known yet")


async def test_an_import_that_runs_and_one_that_cannot_end_are_accessible(
    running, context, screenshots
):
    """The exports stay unfinished, so every state holds still for as long as it is looked at."""
    await _tell(running, "faults", {"bulkHangs": True})
    page = await context.new_page()
    await connect(page, running, SLOW_SHOP)
    await create_account(page, "deep")
    await _see_the_import(page)
    await expect_accessible(page, "welcome-importing", screenshots)

    await page.get_by_test_id("open-overview").click()
    await expect(page.get_by_test_id("sales-empty")).to_contain_text("as the shop's history comes")
    await expect(page.get_by_test_id("partial-notice")).to_contain_text("still being imported")
    await expect_accessible(page, "overview-importing-empty", screenshots)
    order = {"lines": [{"title": "Before its history", "quantity": 1, "price": "9.99"}]}
    await _tell(running, "orders", order)
    await expect(page.get_by_test_id("tile-orders")).to_have_text("1")
    await expect(page.get_by_test_id("chart-sales")).to_be_visible()
    await expect(page.get_by_test_id("partial-notice")).to_be_visible()
    await expect_accessible(page, "overview-importing", screenshots)

    await _tell(running, "uninstall")
    await expect(page.get_by_text("This shop is disconnected")).to_be_visible(timeout=60_000)
    await expect_accessible(page, "overview-disconnected", screenshots)
