"""What a merchant does in a browser, for every test that needs one."""

import re

from playwright.async_api import Page, expect

from tests.e2e.conftest import Running

PASSWORD = "a long sentence is better"


async def connect(page: Page, running: Running, shop: str) -> None:
    await page.goto(f"{running.gateway}/connect")
    await page.get_by_label("Shop domain").fill(shop)
    await page.get_by_role("button", name="Connect").click()
    await page.wait_for_url("**/welcome*")


async def create_account(page: Page, user: str) -> None:
    form = page.get_by_test_id("claim-form")
    await form.get_by_label("User name").fill(user)
    await form.get_by_label("Password", exact=True).fill(PASSWORD)
    await form.get_by_label("Confirm password").fill(PASSWORD)
    await form.get_by_role("button", name="Create account").click()


async def sign_in(page: Page, user: str, password: str = PASSWORD) -> None:
    """Into the form that is on the page."""
    form = page.get_by_test_id("login-form")
    await form.get_by_label("User name").fill(user)
    await form.get_by_label("Password").fill(password)
    await form.get_by_role("button", name="Sign in").click()


async def enter(page: Page, running: Running, shop: str, user: str) -> None:
    """To the overview of `shop`: with the account there is, else by connecting."""
    await page.goto(f"{running.gateway}/login")
    await sign_in(page, user)
    tile, refusal = page.get_by_test_id("tile-orders"), page.get_by_role("alert")
    await expect(tile.or_(refusal)).to_be_visible()
    if await refusal.is_visible():
        await connect(page, running, shop)
        await create_account(page, user)
        ready = page.get_by_role("heading", name=re.compile("is ready"))
        await expect(ready).to_be_visible(timeout=60_000)
        await page.get_by_test_id("open-overview").click()
    await expect(page.get_by_test_id("top-customers")).to_be_visible()
