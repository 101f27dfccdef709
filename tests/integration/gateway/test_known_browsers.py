"""A browser that signed in before has a budget of its own; sprays and refusals leave a trace."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from services.gateway.sign_in_limits import SPRAY_NAMES
from tests.integration.gateway.guessing import (
    ATTACKERS,
    HOME,
    HOTEL,
    WRONG,
    guess,
    looked_at,
    sign_in,
    wait,
)
from tests.integration.gateway.platform import PASSWORD, Platform


async def test_a_known_browser_guesses_no_faster_than_its_own_budget(door: Platform):
    stolen = await door.new_owner(await door.new_shop(), "ada")

    answers = [await sign_in(stolen, address, WRONG) for address in ATTACKERS]

    assert looked_at(answers) == 10


async def test_a_known_browser_of_one_user_is_a_stranger_to_another(door: Platform):
    await door.new_owner(await door.new_shop(), "ada")
    eve = await door.new_owner(await door.new_shop(), "eve")
    for _ in range(3):
        await guess(door, ATTACKERS)

    wait(await sign_in(eve, HOTEL))


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-3] + "AAA", lambda _: "A" * 123, lambda _: ""]
)
async def test_a_device_cookie_that_we_did_not_make_is_a_strangers(
    door: Platform, spoil: Callable[[str], str]
):
    known = await door.new_owner(await door.new_shop(), "ada")
    cookie = known.cookies["device"]
    forger = await door.new_browser()
    forger.headers["Cookie"] = f"device={spoil(cookie)}"
    for _ in range(3):
        await guess(door, ATTACKERS)

    wait(await sign_in(forger, HOTEL))


async def test_many_names_failing_are_recorded_as_a_spray_and_strangers_get_less(door: Platform):
    known = await door.new_owner(await door.new_shop(), "ada")

    with capture_logs() as logs:
        for number in range(SPRAY_NAMES + 5):
            browser = await door.new_browser()
            await sign_in(browser, f"203.0.113.{number}", WRONG, f"name-{number}")
    answers = [await sign_in(await door.new_browser(), HOTEL, WRONG) for _ in range(4)]

    told = [line for line in logs if line.get("security_event") == "password_spray"]
    assert len(told) == 1
    assert told[0]["names"] == SPRAY_NAMES
    assert looked_at(answers) == 2
    assert (await sign_in(known, HOME)).status_code == 200


async def test_refusals_are_recorded_with_who_where_and_why_and_without_the_name(door: Platform):
    await door.new_owner(await door.new_shop(), "ada lovelace")
    browser = await door.new_browser()

    with capture_logs() as logs:
        for _ in range(6):
            await sign_in(browser, HOME, WRONG, "Ada Lovelace")
        await sign_in(browser, HOTEL, WRONG, "nobody at all")
        await sign_in(browser, HOTEL, PASSWORD, "ada lovelace")

    events = [line for line in logs if line["event"] == "security_event"]
    kinds = [line["security_event"] for line in events]
    assert kinds == [*["sign_in_refused"] * 5, "sign_in_limited", "sign_in_refused", "signed_in"]
    assert {line["source"] for line in events} == {"198.51.100.0/24", "192.0.2.0/24"}
    assert {line.get("reason") for line in events if "refused" in line["security_event"]} == {
        "wrong_credentials"
    }
    assert len({line["who"] for line in events}) == 2
    assert "lovelace" not in str(events)
