"""A user's own account: refused passwords say why, sessions are seen and ended, guessing waits."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.accessibility import expect_accessible
from tests.e2e.conftest import GUARDED_SHOP
from tests.e2e.merchants import PASSWORD, connect, create_account, enter, sign_in

pytestmark = pytest.mark.system
"""Shares the running system; shop and user are its own, and the tests run in this order."""

USER = "warden"
NEW_PASSWORD = "four unrelated green words"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


async def _open_settings(page: Page) -> None:
    await page.get_by_role("link", name="Settings").click()
    await expect(page.get_by_test_id("session").first).to_be_visible()


async def _expect_signed_out(page: Page) -> None:
    """Without a click: the live stream of an ended session is cut within 15 seconds."""
    await expect(page.get_by_test_id("session-ended")).to_be_visible(timeout=60_000)


async def _change(page: Page, current: str, new: str) -> None:
    """By the keyboard alone, from the first field on."""
    form = page.get_by_test_id("password-form")
    await form.get_by_label("Current password").focus()
    await page.keyboard.type(current)
    # Past the button that shows what is typed.
    for _ in range(2):
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.type(new)
    await page.keyboard.press("Enter")


async def test_a_password_that_is_guessed_first_is_refused_with_the_reason(
    running, context, screenshots
):
    page = await context.new_page()
    await connect(page, running, GUARDED_SHOP)
    form = page.get_by_test_id("claim-form")
    for password, reason in (
        ("iloveyou", "one of the most common ones"),
        ("lock-and-key", "too close to your user name, your shop's name"),
    ):
        await form.get_by_label("User name").fill(USER)
        await form.get_by_label("Password", exact=True).fill(password)
        await form.get_by_label("Confirm password").fill(password)
        await form.get_by_role("button", name="Create account").click()
        await expect(form).to_contain_text(reason)
        await expect(form.get_by_label("Password", exact=True)).to_have_attribute(
            "aria-invalid", "true"
        )
    await expect_accessible(page, "welcome-password-refused", screenshots)
    await create_account(page, USER)
    await expect(page.get_by_role("heading", name=re.compile("is ready"))).to_be_visible(
        timeout=60_000
    )


async def test_sessions_are_listed_and_an_ended_one_is_signed_out(
    running, context, browser: Browser, screenshots
):
    page = await context.new_page()
    await enter(page, running, GUARDED_SHOP, USER)
    elsewhere = await browser.new_context(user_agent=FIREFOX)
    other = await elsewhere.new_page()
    await enter(other, running, GUARDED_SHOP, USER)
    await _open_settings(page)
    rows = page.get_by_test_id("session")
    theirs = rows.filter(has_text="Firefox on Windows")
    await expect(rows.filter(has_text="This browser")).to_have_count(1)
    await expect(theirs).to_contain_text("127.0.0.0/24")
    await page.get_by_test_id("sessions").scroll_into_view_if_needed()
    await expect_accessible(page, "settings-account", screenshots)

    await theirs.get_by_role("button", name=re.compile("^End the session of Firefox")).press(
        "Enter"
    )
    await expect(page.get_by_text("The session has ended.")).to_be_visible()
    await expect(theirs).to_have_count(0)
    await _expect_signed_out(other)
    await elsewhere.close()


async def test_a_new_password_signs_out_everywhere_else(
    running, context, browser: Browser, screenshots
):
    page = await context.new_page()
    await enter(page, running, GUARDED_SHOP, USER)
    elsewhere = await browser.new_context(user_agent=FIREFOX)
    other = await elsewhere.new_page()
    await enter(other, running, GUARDED_SHOP, USER)
    await _open_settings(page)

    await _change(page, "not the password", NEW_PASSWORD)
    form = page.get_by_test_id("password-form")
    await expect(form).to_contain_text("The password is incorrect.")
    await expect_accessible(page, "settings-password-refused", screenshots)
    await page.reload()
    await expect(page.get_by_test_id("session").first).to_be_visible()
    await _change(page, PASSWORD, NEW_PASSWORD)

    await expect(page.get_by_test_id("password-changed")).to_be_visible()
    await expect(page.get_by_test_id("session")).to_have_count(1)
    await expect_accessible(page, "settings-password-changed", screenshots)
    await _expect_signed_out(other)
    await sign_in(other, USER, PASSWORD)
    await expect(other.get_by_role("alert")).to_have_text("Incorrect username or password.")
    await sign_in(other, USER, NEW_PASSWORD)
    await expect(other.get_by_test_id("tile-orders")).to_be_visible()

    await page.reload()
    await page.get_by_role("button", name="End all other sessions").click()
    await expect_accessible(page, "settings-end-sessions", screenshots)
    await page.get_by_role("dialog").get_by_role("button", name="End sessions").click()
    await expect(page.get_by_text("One session has ended.")).to_be_visible()
    await elsewhere.close()


async def test_guessing_has_to_wait_and_is_told_how_long(running, browser: Browser, screenshots):
    fresh = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await fresh.new_page()
    await page.goto(f"{running.gateway}/login")
    refusal = page.get_by_role("alert")
    button = page.get_by_test_id("login-form").locator("button[type=submit]")
    for number in range(5):
        await sign_in(page, "a-guessed-name", f"guess {number}")
        await expect(refusal).to_have_text("Incorrect username or password.")
        await expect(button).to_have_text("Sign in")
    await sign_in(page, "a-guessed-name", "one guess more")

    await expect(refusal).to_contain_text(re.compile(r"Too many attempts\. Try again in \d+ sec"))
    await expect(button).to_have_text(re.compile(r"^Try again in 0:[0-3]\d$"))
    await expect(button).to_be_disabled()
    await expect_accessible(page, "login-paused", screenshots)
    await expect(button).to_have_text("Sign in", timeout=45_000)
    await expect(refusal).to_have_count(0)
    await fresh.close()
