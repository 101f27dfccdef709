"""A password is lost and the shop is sold: each time Shopify says who the store owner is, and
nobody else gets in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import SOLD_SHOP, Running
from tests.e2e.merchants import connect, enter, sign_in

pytestmark = pytest.mark.system
"""Shares the running system; the shop that changes hands is its own."""

SELLER, BUYER = "vera-of-the-harvest", "walt-of-the-harvest"
NEW_PASSWORD = "seven wet umbrellas in june"
BUYERS_PASSWORD = "the red door is always open"


@asynccontextmanager
async def _another_browser(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    yield await context.new_page()
    await context.close()


def _sign_in_at_shopify(running: Running, **person: object) -> None:
    address = running.control(f"shops/{SOLD_SHOP}/approver")
    httpx.post(address, json=person, timeout=30).raise_for_status()


async def _confirm_with_shopify(page: Page, running: Running) -> None:
    await page.goto(f"{running.gateway}/login")
    await page.get_by_role("link", name="Recover with Shopify").click()
    await page.get_by_test_id("recover-start").get_by_label("Shop domain").fill(SOLD_SHOP)
    await page.get_by_role("button", name="Confirm with Shopify").click()


async def _fill(page: Page, **fields: str) -> None:
    form = page.get_by_test_id("recover-form")
    for label, value in fields.items():
        await form.get_by_label(label.replace("_", " "), exact=True).fill(value)


async def _expect_figures(page: Page) -> None:
    await expect(page.get_by_test_id("tile-orders")).to_have_text("12")


async def _notice(page: Page, running: Running) -> None:
    """The event travels by the broker; a page asks for notices when it is opened."""
    notices = page.get_by_test_id("notices")
    for _ in range(60):
        await page.goto(f"{running.gateway}/settings")
        async with page.expect_response("**/notices") as answer:
            await page.reload()
        if (await (await answer.value).json())["notices"]:
            break
    await expect(notices).to_contain_text("The shop was connected again.")


async def test_only_the_store_owner_recovers_an_account_and_a_buyer_takes_over(
    running, context, browser, screenshots
):
    seller = await context.new_page()
    await enter(seller, running, SOLD_SHOP, SELLER)

    async with _another_browser(browser) as page:
        await page.goto(f"{running.gateway}/recover")
        await expect(page.get_by_test_id("recover-start")).to_be_visible()
        await expect_accessible(page, "recover-start", screenshots)

        _sign_in_at_shopify(running, accountOwner=False)
        await _confirm_with_shopify(page, running)
        refusal = page.get_by_test_id("recover-error")
        await expect(refusal).to_contain_text("Only the store owner in Shopify")
        await expect_accessible(page, "recover-refused", screenshots)

        _sign_in_at_shopify(running)
        await _confirm_with_shopify(page, running)
        await expect(page.get_by_test_id("recover-form")).to_contain_text(SELLER)
        await expect_accessible(page, "recover-reset", screenshots)
        await _fill(page, New_password=NEW_PASSWORD, Confirm_password=NEW_PASSWORD)
        await page.get_by_role("button", name="Set new password").click()
        await _expect_figures(page)
        await page.goto(f"{running.gateway}/recover")
        await expect(page.get_by_test_id("recover-start")).to_be_visible()

    await seller.reload()
    await expect(seller.get_by_test_id("login-form")).to_be_visible()
    await sign_in(seller, SELLER, NEW_PASSWORD)
    await _expect_figures(seller)

    async with _another_browser(browser) as buyer:
        await _confirm_with_shopify(buyer, running)
        await buyer.get_by_label("Take ownership with another account").check()
        form = buyer.get_by_test_id("recover-form")
        await expect(form).to_contain_text(f"{SELLER} loses access to this shop")
        passwords = {"Password": BUYERS_PASSWORD, "Confirm_password": BUYERS_PASSWORD}
        await _fill(buyer, User_name=SELLER, **passwords)
        await buyer.get_by_role("button", name="Take ownership").click()
        name = form.get_by_label("User name")
        await expect(name).to_have_attribute("aria-invalid", "true")
        await expect_accessible(buyer, "recover-takeover", screenshots)
        await name.fill(BUYER)
        await buyer.get_by_role("button", name="Take ownership").click()
        await _expect_figures(buyer)

        await seller.reload()
        await sign_in(seller, SELLER, NEW_PASSWORD)
        await expect(seller.get_by_role("alert")).to_be_visible()

        await connect(buyer, running, SOLD_SHOP)
        await _notice(buyer, running)
        activity = buyer.get_by_test_id("activity")
        for told in (
            f"{SELLER} became the owner.",
            f"The store owner recovered the account {SELLER}",
            f"{BUYER} took over ownership from {SELLER}",
        ):
            await expect(activity).to_contain_text(told)
        await expect_accessible(buyer, "settings-activity", screenshots)
        await buyer.get_by_role("button", name="Dismiss").click()
        await expect(buyer.get_by_test_id("notices")).to_have_count(0)
        await buyer.reload()
        await expect(activity).to_contain_text("The shop was connected again.")
        await expect(buyer.get_by_test_id("notices")).to_have_count(0)
