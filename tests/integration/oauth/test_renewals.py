"""However many ask, and whatever gets lost on the way, a shop keeps one pair that Shopify takes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.common.clock import utc_now
from services.oauth.idle import keep_idle_connected, renew_idle
from tests.integration.oauth.simulated import Connected

DAY = 86_400


async def test_a_thousand_asks_of_two_processes_make_one_refresh(toys: Connected):
    await toys.oauth.let_token_expire(toys.tenant_id, utc_now())

    async with toys.parts() as one, toys.parts() as other:
        given = await asyncio.gather(
            *((one, other)[number % 2].tokens.valid_token(toys.tenant_id) for number in range(1000))
        )

    tokens = {each.access_token.get_secret_value() for each in given}
    assert (len(given), len(tokens), len(toys.door.refreshes)) == (1000, 1, 1)
    assert await toys.takes(tokens.pop())


async def test_a_refresh_whose_answer_is_lost_is_asked_again_with_the_same_token(toys: Connected):
    await toys.oauth.let_token_expire(toys.tenant_id, utc_now())
    toys.door.lost = 1

    token = await toys.token()

    assert len(toys.door.refreshes) == 2
    assert len(set(toys.door.refreshes)) == 1
    assert await toys.takes(token)


async def test_when_every_answer_is_lost_the_next_ask_goes_on_with_the_same_token(toys: Connected):
    await toys.oauth.let_token_expire(toys.tenant_id, utc_now())
    toys.door.lost = 4
    lost = await toys.oauth.token(toys.tenant_id)

    token = await toys.token()

    assert (lost.status_code, lost.json()["error"]["code"]) == (503, "SHOPIFY_UNAVAILABLE")
    assert len(toys.door.refreshes) == 5
    assert len(set(toys.door.refreshes)) == 1
    assert await toys.takes(token)
    assert await toys.oauth.status_of(toys.tenant_id) == "active"


async def test_a_pair_that_could_not_be_committed_is_not_given_away(toys: Connected):
    await toys.oauth.let_token_expire(toys.tenant_id, utc_now())
    toys.door.gate.clear()
    ask = asyncio.create_task(toys.oauth.token(toys.tenant_id))
    await toys.door.arrived.wait()

    ended = await toys.oauth.rows(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction'"""
    )
    assert len(ended) == 1
    toys.door.gate.set()
    refused = await ask
    token = await toys.token()

    assert refused.json()["error"]["code"] == "DATABASE_CONNECTION_FAILED"
    assert len(toys.door.refreshes) == 2
    assert len(set(toys.door.refreshes)) == 1
    assert await toys.takes(token)


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_token_without_end_becomes_a_pair_at_its_next_use(toys: Connected, lost: int):
    old = await toys.hold_a_token_without_end()
    toys.door.lost = lost

    token = await toys.token()

    assert toys.door.migrations == [old] * (1 + lost)
    assert await toys.takes(token)
    assert not await toys.takes(old)
    await toys.oauth.let_token_expire(toys.tenant_id, utc_now())
    assert await toys.takes(await toys.token())
    assert len(toys.door.refreshes) == 1


async def test_a_migration_that_was_lost_whole_is_made_good_at_the_next_use(toys: Connected):
    old = await toys.hold_a_token_without_end()
    toys.door.lost = 4
    assert await toys.token() == old
    assert not await toys.takes(old)

    token = (await toys.report_refused(old)).json()["accessToken"]

    assert await toys.takes(token)
    assert await toys.oauth.status_of(toys.tenant_id) == "active"


async def test_a_token_that_shopify_refuses_before_its_end_is_replaced(toys: Connected):
    refused = await toys.token()
    await toys.shop.control("POST", "/tokens/expire")

    answers = await asyncio.gather(*(toys.report_refused(refused) for _ in range(20)))

    tokens = {answer.json()["accessToken"] for answer in answers}
    assert (len(tokens), len(toys.door.refreshes)) == (1, 1)
    assert await toys.takes(tokens.pop())


async def test_of_a_token_that_was_replaced_already_shopify_is_not_asked_again(toys: Connected):
    newer = await toys.token()

    assert (await toys.report_refused("shpat_older")).json()["accessToken"] == newer
    assert toys.door.calls == []


async def test_a_refused_token_of_a_shop_that_left_shows_in_the_directory_and_on_the_bus(
    toys: Connected,
):
    refused = await toys.token()
    await toys.shop.control("POST", "/uninstall")

    for _ in range(2):
        answer = await toys.report_refused(refused)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "RECONNECT_REQUIRED")

    assert await toys.oauth.status_of(toys.tenant_id) == "reconnect_required"
    events = await toys.oauth.events_of(toys.tenant_id)
    assert [event["body"].get("reason") for event in events] == [None, "reconnect_required"]
    assert await toys.walk_through() == toys.tenant_id
    assert await toys.oauth.status_of(toys.tenant_id) == "active"
    assert await toys.takes(await toys.token())


async def test_while_shopify_does_not_answer_a_refused_token_is_not_given_again(toys: Connected):
    refused = await toys.token()
    await toys.shop.control("POST", "/faults", {"tokenStatus": 503, "tokenFailures": 4})

    answer = await toys.report_refused(refused)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SHOPIFY_UNAVAILABLE")
    assert await toys.oauth.status_of(toys.tenant_id) == "active"


@pytest.mark.parametrize("caller", ["gateway", "webhooks", "analytics", "oauth"])
async def test_only_the_ingestor_may_say_that_a_token_was_refused(toys: Connected, caller: str):
    url = f"/internal/tenants/{toys.tenant_id}/token/refused"
    headers = toys.oauth.caller(caller, tenant=toys.tenant_id)
    answer = await toys.oauth.http.post(url, json={"accessToken": "any"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "CALLER_REFUSED")
    assert toys.door.calls == []


@pytest.fixture
async def months(toys: Connected) -> AsyncIterator[Connected]:
    """A shop at a Shopify whose clock may be moved."""
    yield toys
    await toys.shop.http.delete("/_control/clock")


async def _pass(toys: Connected, days: int, since_start: int) -> None:
    await toys.let_time_pass(days)
    await toys.shop.http.post("/_control/clock", json={"offsetSeconds": since_start * DAY})


@pytest.mark.parametrize("kept", [True, False])
async def test_a_shop_nobody_asks_for_outlives_its_refresh_token_by_the_rounds_alone(
    months: Connected, *, kept: bool
):
    async with months.parts() as one:
        for since_start in (50, 100, 150):
            await _pass(months, 50, since_start)
            if kept:
                await renew_idle(one.tokens)

    answer = await months.oauth.token(months.tenant_id)

    assert answer.status_code == (200 if kept else 409)
    if kept:
        assert await months.takes(answer.json()["accessToken"])


async def test_a_round_passes_over_what_another_has_in_hand_and_what_is_not_idle(
    months: Connected,
):
    await _pass(months, 44, 44)
    async with months.parts() as one, months.parts() as other:
        await renew_idle(one.tokens)
        assert months.door.refreshes == []

        await _pass(months, 2, 46)
        months.door.gate.clear()
        first = asyncio.create_task(renew_idle(one.tokens))
        await months.door.arrived.wait()
        try:
            async with asyncio.timeout(3):
                await renew_idle(other.tokens)
            assert not first.done()
        finally:
            months.door.gate.set()
            await first
        await renew_idle(other.tokens)

    assert len(months.door.refreshes) == 1


async def test_rounds_are_made_without_being_asked_for(toys: Connected):
    await toys.let_time_pass(50)

    async with toys.parts() as one:
        rounds = asyncio.create_task(keep_idle_connected(one.tokens, first_round_seconds=0.01))
        async with asyncio.timeout(30):
            await toys.door.arrived.wait()
        rounds.cancel()
        await asyncio.wait([rounds])

    assert len(toys.door.refreshes) == 1


async def test_a_round_makes_a_pair_of_a_token_without_end(toys: Connected):
    old = await toys.hold_a_token_without_end()

    async with toys.parts() as one:
        await renew_idle(one.tokens)

    assert toys.door.migrations == [old]
    assert await toys.takes(await toys.token())
    assert len(toys.door.calls) == 1


async def test_a_shop_that_left_is_found_by_a_round_and_troubles_no_later_one(toys: Connected):
    await toys.let_time_pass(50)
    await toys.shop.control("POST", "/uninstall")

    async with toys.parts() as one:
        await renew_idle(one.tokens)
        await renew_idle(one.tokens)

    assert len(toys.door.refreshes) == 1
    assert await toys.oauth.status_of(toys.tenant_id) == "reconnect_required"
