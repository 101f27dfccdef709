"""A merchant disconnects a shop and keeps its figures, then has everything erased."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import LEAVING_SHOP, Running
from tests.e2e.merchants import enter, sign_in

pytestmark = pytest.mark.system
"""Shares the running system; the shop that is left is its own."""

USER = "last"


async def _confirm(page: Page, way: str, act: str, typed: str | None = None) -> None:
    await page.get_by_test_id("leave").get_by_role("button", name=way).click()
    dialog = page.get_by_role("dialog")
    if typed is not None:
        await dialog.get_by_label("Shop domain").fill(typed)
    await dialog.get_by_role("button", name=act).click()


async def _until_erased(running: Running) -> None:
    """As the operator sees it."""
    command = str(Path(sys.executable).with_name("tillstream"))
    listing = ("tenants", "erasures", "list", "--data-dir", str(running.data_dir))
    async with asyncio.timeout(60):
        shown = b""
        while b" done " not in shown:
            process = await asyncio.create_subprocess_exec(command, *listing, stdout=PIPE)
            shown, _ = await process.communicate()


async def test_a_shop_is_disconnected_with_its_figures_kept_and_then_erased(
    running, context, screenshots
):
    page = await context.new_page()
    await enter(page, running, LEAVING_SHOP, USER)
    await page.get_by_role("link", name="Settings").click()
    await expect(page.get_by_test_id("data-requests")).to_contain_text("No customer has asked")
    await _confirm(page, "Disconnect the shop", "Disconnect")
    banner = page.get_by_test_id("tenant-banner")
    await expect(banner).to_contain_text("This shop is disconnected")
    await expect_accessible(page, "settings-disconnected", screenshots)
    await page.get_by_role("link", name="Overview").click()
    await expect(banner.get_by_role("link", name="Connect again")).to_be_visible()
    await expect(page.get_by_test_id("tile-orders")).to_have_text("20")

    await page.get_by_role("link", name="Settings").click()
    await _confirm(page, "Erase everything", "Erase everything", LEAVING_SHOP)
    await expect(page.get_by_test_id("tenant-erased")).to_be_visible()
    await expect_accessible(page, "login-erased", screenshots)
    await _until_erased(running)
    await sign_in(page, USER)
    await expect(page.get_by_role("alert")).to_be_visible()
