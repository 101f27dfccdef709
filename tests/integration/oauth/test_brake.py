"""Many departures within an hour stop all of them, for all replicas, until an operator resumes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, running
from tests.integration.oauth.leaving import ERASED, Leaver, connected_leaver
from tests.integration.oauth.scripted_shopify import ScriptedShopify

LIMIT = 2
HOUR = timedelta(hours=1)


@pytest.fixture
async def oauth(database: Database, shopify: ScriptedShopify, keys: CallerKeys):
    limit = {"MAX_DEPARTURES_PER_HOUR": str(LIMIT)}
    async with running(database.url_for("oauth"), shopify.api_url, keys, **limit) as driver:
        yield driver


@pytest.fixture
async def leavers(oauth: OauthDriver, shopify: ScriptedShopify) -> list[Leaver]:
    return [await connected_leaver(oauth, shopify) for _ in range(LIMIT + 2)]


async def _listed(oauth: OauthDriver) -> Any:
    return (await oauth.http.get("/internal/erasures", headers=oauth.caller("ops"))).json()


async def _resume(oauth: OauthDriver) -> bool:
    answer = await oauth.http.post("/internal/departures/resume", headers=oauth.caller("ops"))
    return bool(answer.json()["resumed"])


async def test_more_uninstalls_than_the_limit_wait_until_an_operator_resumes(
    oauth: OauthDriver, leavers: list[Leaver]
):
    assert (await _listed(oauth))["stoppedAt"] is None
    with capture_logs() as logs:
        for leaver in leavers:
            await leaver.uninstall()

    statuses = [await leaver.status() for leaver in leavers]
    assert statuses == ["disconnected"] * LIMIT + ["active"] * 2
    assert [await leaver.has_tokens() for leaver in leavers] == [False] * LIMIT + [True] * 2
    told = [line for line in logs if line.get("security_event") == "lane_stopped"]
    assert len(told) == 1
    listed = await _listed(oauth)
    assert listed["stoppedAt"] is not None
    assert (listed["departuresLastHour"], listed["departuresLimit"]) == (LIMIT, LIMIT)

    await leavers[0].pass_time(2 * HOUR)
    assert await leavers[-1].status() == "active"

    assert await _resume(oauth)
    assert not await _resume(oauth)
    await leavers[0].pass_time(timedelta(minutes=2))
    assert [await leaver.status() for leaver in leavers] == ["disconnected"] * (LIMIT + 2)


async def test_within_the_limit_of_each_hour_nothing_stops(
    oauth: OauthDriver, leavers: list[Leaver]
):
    for leaver in leavers:
        await leaver.uninstall()
        await leaver.pass_time(HOUR)
    assert [await leaver.status() for leaver in leavers] == ["disconnected"] * len(leavers)
    assert (await _listed(oauth))["stoppedAt"] is None


async def test_an_owner_schedules_while_stopped_but_nothing_is_erased(
    oauth: OauthDriver, leavers: list[Leaver]
):
    for leaver in leavers:
        assert (await leaver.erase()).status_code == 202
        assert await leaver.status() == "disconnected"
    await leavers[0].pass_time(timedelta(hours=25))

    erased = [ERASED in await leaver.events() for leaver in leavers]
    assert sum(erased) == LIMIT
    assert (await _listed(oauth))["stoppedAt"] is not None
    assert await _resume(oauth)
    await oauth.work()
    assert all([ERASED in await leaver.events() for leaver in leavers])


async def test_two_replicas_together_pass_no_more_than_the_limit(
    oauth: OauthDriver,
    leavers: list[Leaver],
    database: Database,
    shopify: ScriptedShopify,
    keys: CallerKeys,
):
    for leaver in leavers:
        await leaver.erase()
    await oauth.rows("UPDATE tenancy.erasures SET due_at = now()")
    limit = {"MAX_DEPARTURES_PER_HOUR": str(LIMIT)}
    async with running(database.url_for("oauth"), shopify.api_url, keys, **limit) as other:
        await asyncio.gather(oauth.work(), other.work(), oauth.work(), other.work())
    assert sum([ERASED in await leaver.events() for leaver in leavers]) == LIMIT
