"""Guessing is slow, however many take part, and no guesser keeps a user out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from libs.common.errors import RateLimitedError
from services.gateway.sign_in_limits import (
    MAX_WAIT_SECONDS,
    QUEUE_AFTER_FAILURES,
    SPRAY_NAMES,
    Attempt,
)
from tests.integration.gateway.platform import PASSWORD, Platform, code_of, running_gateway

ATTACKERS = [f"203.0.{number}.7" for number in range(50)]
HOME, HOTEL = "198.51.100.20", "192.0.2.30"
WRONG = "not her password"
HOUR = 3600


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock that counts are forgotten by."""
    real, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])

    def pass_time(seconds: float) -> None:
        ahead[0] += seconds

    return pass_time


@pytest.fixture
async def door(platform: Platform, dashboard: Path) -> AsyncIterator[Platform]:
    """A gateway that believes what a proxy says of the clients' addresses."""
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        TRUSTED_PROXIES="127.0.0.0/8",
    ) as door:
        yield door


async def _sign_in(
    browser: httpx.AsyncClient, address: str, password: str = PASSWORD, username: str = "ada"
) -> httpx.Response:
    return await browser.post(
        "/api/auth/login",
        json={"username": username, "password": password},
        headers={"X-Forwarded-For": address},
    )


async def _guess(
    door: Platform, addresses: list[str], username: str = "ada"
) -> list[httpx.Response]:
    """A wrong password from each address, each in a browser of its own."""
    browsers = [await door.new_browser() for _ in addresses]
    return await asyncio.gather(
        *(
            _sign_in(browser, address, WRONG, username)
            for browser, address in zip(browsers, addresses, strict=True)
        )
    )


def _looked_at(answers: list[httpx.Response]) -> int:
    """How many passwords were compared, and not sent away before."""
    return [answer.status_code for answer in answers].count(401)


def _wait(answer: httpx.Response) -> int:
    assert code_of(answer) == (429, "RATE_LIMITED")
    return int(answer.headers["Retry-After"])


async def test_failures_from_one_network_make_growing_pauses_and_success_ends_them(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    browser = await door.new_browser()

    for _ in range(5):
        assert (await _sign_in(browser, HOME, WRONG)).status_code == 401
    waits = []
    for _ in range(7):
        waits.append(_wait(await _sign_in(browser, HOME, WRONG)))
        pass_time(waits[-1] + 1)
        assert (await _sign_in(browser, HOME, WRONG)).status_code == 401
    pass_time(_wait(await _sign_in(browser, HOME)) + 1)
    assert (await _sign_in(browser, HOME)).status_code == 200
    stranger = await door.new_browser()
    again = [await _sign_in(stranger, HOME, WRONG) for _ in range(5)]

    assert waits == [30, 60, 120, 240, 480, 900, 900]
    assert _looked_at(again) == 5


async def test_a_refused_attempt_does_not_make_the_pause_longer(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    browser = await door.new_browser()
    for _ in range(5):
        await _sign_in(browser, HOME, WRONG)

    for _ in range(30):
        _wait(await _sign_in(browser, HOME))
    pass_time(31)

    assert (await _sign_in(browser, HOME)).status_code == 200


async def test_guesses_at_once_are_no_way_around_the_pause(door: Platform):
    await door.new_owner(await door.new_shop(), "ada")

    answers = await _guess(door, [HOTEL] * 40)

    assert _looked_at(answers) == 5


async def test_the_other_spelling_of_a_name_and_the_next_address_are_no_way_around_it(
    door: Platform,
):
    await door.new_owner(await door.new_shop(), "ada")

    answers = [
        await _sign_in(await door.new_browser(), f"203.0.113.{number}", WRONG, name)
        for number, name in enumerate(["ada", " ADA ", "\uff21da"] * 4)
    ]

    assert _looked_at(answers) == 5


async def test_strangers_failures_never_refuse_a_browser_that_signed_in_before(
    door: Platform, pass_time: Callable[[float], None]
):
    known = await door.new_owner(await door.new_shop(), "ada")
    await known.post("/api/auth/logout")

    for _ in range(6):
        await _guess(door, [*ATTACKERS, HOME])
        pass_time(600)

        # At the very address that an attacker tries from, too.
        assert (await _sign_in(known, HOME)).status_code == 200


async def test_a_fresh_browser_elsewhere_is_let_in_within_a_bounded_pause(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    for _ in range(3):
        await _guess(door, ATTACKERS)
    fresh = await door.new_browser()

    told = _wait(await _sign_in(fresh, HOTEL))
    for _ in range(20):
        # The attack goes on, and the turn stays.
        await _guess(door, ATTACKERS)
        pass_time((told + 1) / 20)
    answer = await _sign_in(fresh, HOTEL)

    assert told <= MAX_WAIT_SECONDS
    assert answer.status_code == 200


async def test_asking_again_before_the_turn_does_not_lose_it(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    await _guess(door, ATTACKERS[:QUEUE_AFTER_FAILURES])
    fresh = await door.new_browser()

    told = _wait(await _sign_in(fresh, HOTEL))
    pass_time(told / 2)
    left = _wait(await _sign_in(fresh, HOTEL))
    pass_time(left + 1)

    assert left < told
    assert (await _sign_in(fresh, HOTEL)).status_code == 200


async def test_guesses_at_one_name_are_bounded_by_the_hour(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    looked_at = []

    for _hour in range(2):
        looked_at.append(0)
        for _ in range(HOUR // 300):
            looked_at[-1] += _looked_at(await _guess(door, ATTACKERS))
            pass_time(300)

    # Of each of 50 networks eleven within an hour, at the fastest, then one every 15 minutes.
    assert looked_at[0] <= 550
    assert looked_at[1] <= 250


async def test_networks_without_number_are_bounded_by_the_hour_after_one_guess_each(
    door: Platform, pass_time: Callable[[float], None]
):
    networks = [f"10.{number // 250}.{number % 250}.1" for number in range(1000)]
    limits, admitted = door.parts.sign_ins, []

    for _hour in range(3):
        admitted.append(0)
        for _ in range(HOUR // 300):
            for address in networks:
                attempt = Attempt("ada", address, None)
                with suppress(RateLimitedError):
                    await limits.admit(attempt)
                    await limits.failed(attempt)
                    admitted[-1] += 1
            pass_time(300)
    [fresh] = [await _sign_in(await door.new_browser(), HOTEL)]

    # A turn lasts ten minutes: some of one hour are taken in the next.
    assert admitted[0] <= len(networks) + 700
    assert max(admitted[1:]) <= 700
    assert _wait(fresh) <= MAX_WAIT_SECONDS


async def test_one_names_attack_costs_no_other_name(door: Platform):
    await door.new_owner(await door.new_shop(), "ada")
    await door.new_owner(await door.new_shop(), "eve")

    for _ in range(3):
        await _guess(door, ATTACKERS)
    answer = await _sign_in(await door.new_browser(), ATTACKERS[0], username="eve")

    assert answer.status_code == 200


async def test_a_known_browser_guesses_no_faster_than_its_own_budget(door: Platform):
    stolen = await door.new_owner(await door.new_shop(), "ada")

    answers = [await _sign_in(stolen, address, WRONG) for address in ATTACKERS]

    assert _looked_at(answers) == 10


async def test_a_known_browser_of_one_user_is_a_stranger_to_another(door: Platform):
    await door.new_owner(await door.new_shop(), "ada")
    eve = await door.new_owner(await door.new_shop(), "eve")
    for _ in range(3):
        await _guess(door, ATTACKERS)

    _wait(await _sign_in(eve, HOTEL))


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
        await _guess(door, ATTACKERS)

    _wait(await _sign_in(forger, HOTEL))


async def test_many_names_failing_are_recorded_as_a_spray_and_strangers_get_less(door: Platform):
    known = await door.new_owner(await door.new_shop(), "ada")

    with capture_logs() as logs:
        for number in range(SPRAY_NAMES + 5):
            browser = await door.new_browser()
            await _sign_in(browser, f"203.0.113.{number}", WRONG, f"name-{number}")
    answers = [await _sign_in(await door.new_browser(), HOTEL, WRONG) for _ in range(4)]

    told = [line for line in logs if line.get("security_event") == "password_spray"]
    assert len(told) == 1
    assert told[0]["names"] == SPRAY_NAMES
    assert _looked_at(answers) == 2
    assert (await _sign_in(known, HOME)).status_code == 200


async def test_refusals_are_recorded_with_who_where_and_why_and_without_the_name(door: Platform):
    await door.new_owner(await door.new_shop(), "ada lovelace")
    browser = await door.new_browser()

    with capture_logs() as logs:
        for _ in range(6):
            await _sign_in(browser, HOME, WRONG, "Ada Lovelace")
        await _sign_in(browser, HOTEL, WRONG, "nobody at all")
        await _sign_in(browser, HOTEL, PASSWORD, "ada lovelace")

    events = [line for line in logs if line["event"] == "security_event"]
    kinds = [line["security_event"] for line in events]
    assert kinds == [*["sign_in_refused"] * 5, "sign_in_limited", "sign_in_refused", "signed_in"]
    assert {line["source"] for line in events} == {"198.51.100.0/24", "192.0.2.0/24"}
    assert {line.get("reason") for line in events if "refused" in line["security_event"]} == {
        "wrong_credentials"
    }
    assert len({line["who"] for line in events}) == 2
    assert "lovelace" not in str(events)
