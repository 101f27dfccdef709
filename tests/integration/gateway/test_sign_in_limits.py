"""Guessing is slow, however many take part, and no guesser keeps a user out."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from libs.common.errors import RateLimitedError
from services.gateway.sign_in_limits import MAX_WAIT_SECONDS, QUEUE_AFTER_FAILURES, Attempt
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
from tests.integration.gateway.platform import Platform

HOUR = 3600


async def test_failures_from_one_network_make_growing_pauses_and_success_ends_them(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    browser = await door.new_browser()

    for _ in range(5):
        assert (await sign_in(browser, HOME, WRONG)).status_code == 401
    waits = []
    for _ in range(7):
        waits.append(wait(await sign_in(browser, HOME, WRONG)))
        pass_time(waits[-1] + 1)
        assert (await sign_in(browser, HOME, WRONG)).status_code == 401
    pass_time(wait(await sign_in(browser, HOME)) + 1)
    assert (await sign_in(browser, HOME)).status_code == 200
    stranger = await door.new_browser()
    again = [await sign_in(stranger, HOME, WRONG) for _ in range(5)]

    assert waits == [30, 60, 120, 240, 480, 900, 900]
    assert looked_at(again) == 5


async def test_a_refused_attempt_does_not_make_the_pause_longer(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    browser = await door.new_browser()
    for _ in range(5):
        await sign_in(browser, HOME, WRONG)

    for _ in range(30):
        wait(await sign_in(browser, HOME))
    pass_time(31)

    assert (await sign_in(browser, HOME)).status_code == 200


async def test_guesses_at_once_are_no_way_around_the_pause(door: Platform):
    await door.new_owner(await door.new_shop(), "ada")

    answers = await guess(door, [HOTEL] * 40)

    assert looked_at(answers) == 5


async def test_the_other_spelling_of_a_name_and_the_next_address_are_no_way_around_it(
    door: Platform,
):
    await door.new_owner(await door.new_shop(), "ada")

    answers = [
        await sign_in(await door.new_browser(), f"203.0.113.{number}", WRONG, name)
        for number, name in enumerate(["ada", " ADA ", "\uff21da"] * 4)
    ]

    assert looked_at(answers) == 5


async def test_strangers_failures_never_refuse_a_browser_that_signed_in_before(
    door: Platform, pass_time: Callable[[float], None]
):
    known = await door.new_owner(await door.new_shop(), "ada")
    await known.post("/api/auth/logout")

    for _ in range(6):
        await guess(door, [*ATTACKERS, HOME])
        pass_time(600)

        # At the very address that an attacker tries from, too.
        assert (await sign_in(known, HOME)).status_code == 200


async def test_a_fresh_browser_elsewhere_is_let_in_within_a_bounded_pause(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    for _ in range(3):
        await guess(door, ATTACKERS)
    fresh = await door.new_browser()

    told = wait(await sign_in(fresh, HOTEL))
    for _ in range(20):
        # The attack goes on, and the turn stays.
        await guess(door, ATTACKERS)
        pass_time((told + 1) / 20)
    answer = await sign_in(fresh, HOTEL)

    assert told <= MAX_WAIT_SECONDS
    assert answer.status_code == 200


async def test_asking_again_before_the_turn_does_not_lose_it(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    await guess(door, ATTACKERS[:QUEUE_AFTER_FAILURES])
    fresh = await door.new_browser()

    told = wait(await sign_in(fresh, HOTEL))
    pass_time(told / 2)
    left = wait(await sign_in(fresh, HOTEL))
    pass_time(left + 1)

    assert left < told
    assert (await sign_in(fresh, HOTEL)).status_code == 200


async def test_guesses_at_one_name_are_bounded_by_the_hour(
    door: Platform, pass_time: Callable[[float], None]
):
    await door.new_owner(await door.new_shop(), "ada")
    compared = []

    for _hour in range(2):
        compared.append(0)
        for _ in range(HOUR // 300):
            compared[-1] += looked_at(await guess(door, ATTACKERS))
            pass_time(300)

    # Of each of 50 networks eleven within an hour, at the fastest, then one every 15 minutes.
    assert compared[0] <= 550
    assert compared[1] <= 250


@pytest.mark.parametrize(
    ("networks", "quick"),
    [
        # Of many providers, each with its first guess; of one, who holds very many blocks.
        ([f"{10 + number // 250}.{number % 250}.7.1" for number in range(1000)], 1000),
        ([f"2001:db8:{number:x}::1" for number in range(1000)], 16),
    ],
    ids=["many providers", "one provider"],
)
async def test_networks_without_number_are_bounded_by_the_hour(
    door: Platform, pass_time: Callable[[float], None], networks: list[str], quick: int
):
    limits = door.parts.sign_ins
    admitted: list[int] = []
    told: list[int] = []

    for _hour in range(3):
        admitted.append(0)
        for _ in range(HOUR // 300):
            for address in networks:
                attempt = Attempt("ada", address, None)
                with suppress(RateLimitedError):
                    await limits.admit(attempt)
                    await limits.failed(attempt)
                    admitted[-1] += 1
            pass_time(150)
            told.append(wait(await sign_in(await door.new_browser(), f"198.51.{len(told)}.1")))
            pass_time(150)

    # A turn lasts ten minutes: some of one hour are taken in the next.
    assert admitted[0] <= QUEUE_AFTER_FAILURES + quick + 700
    assert max(admitted[1:]) <= 700
    # Whoever comes from a network that has not failed that day is let in soon.
    assert max(told) <= MAX_WAIT_SECONDS


async def test_one_names_attack_costs_no_other_name(door: Platform):
    await door.new_owner(await door.new_shop(), "ada")
    await door.new_owner(await door.new_shop(), "eve")

    for _ in range(3):
        await guess(door, ATTACKERS)
    answer = await sign_in(await door.new_browser(), ATTACKERS[0], username="eve")

    assert answer.status_code == 200
