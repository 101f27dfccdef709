"""What is refused costs the database nothing, so a flood of it stops nobody's work."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.integration.gateway.platform import Platform, code_of, running_gateway

LIMIT = 20
REQUESTS = 400
SESSION = "/api/auth/session"


@pytest.fixture
async def limited(platform: Platform, dashboard: Path) -> AsyncIterator[Platform]:
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        RATE_LIMIT_PER_MINUTE=str(LIMIT),
    ) as limited:
        yield limited


async def _transactions(platform: Platform, work: Callable[[], Awaitable[None]]) -> int:
    """How many transactions the gateway's connections have while `work` goes on."""
    before = await _counted(platform)
    await work()
    return await _counted(platform) - before


async def _counted(platform: Platform) -> int:
    # A server process adds its numbers up when it ends.
    await platform.parts.engine.dispose()
    while (await platform.fetch(_OURS))[0]["n"]:
        await asyncio.sleep(0.02)
    [row] = await platform.fetch(
        "SELECT xact_commit + xact_rollback AS n FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    return int(row["n"])


_OURS = """
    SELECT count(*) AS n FROM pg_stat_activity
    WHERE datname = current_database() AND usename LIKE '%gateway%'"""


async def _flood(
    browser: httpx.AsyncClient, path: str, cookies: Callable[[], str], expected: set[int]
) -> None:
    for _ in range(REQUESTS // LIMIT):
        answers = await asyncio.gather(
            *(browser.get(path, headers={"Cookie": f"session={cookies()}"}) for _ in range(LIMIT))
        )
        assert {answer.status_code for answer in answers} <= expected


def _made_up() -> str:
    return secrets.token_urlsafe(32)


def _made_up_with_a_check() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(44)).decode()[:59]


@pytest.mark.parametrize("path", [SESSION, "/api/live", "/api/tenants/current"])
@pytest.mark.parametrize("made_up", [_made_up, _made_up_with_a_check, lambda: "x", lambda: ""])
async def test_made_up_sessions_cost_no_transaction(
    limited: Platform, path: str, made_up: Callable[[], str]
):
    browser = await limited.new_browser()

    cost = await _transactions(limited, lambda: _flood(browser, path, made_up, expected={401, 429}))

    # Those of the counting itself.
    assert cost <= LIMIT


@pytest.mark.parametrize("path", [SESSION, "/api/live"])
async def test_a_session_that_has_ended_is_looked_up_once(limited: Platform, path: str):
    owner = await limited.new_owner(await limited.new_shop(), "ada")
    token = owner.cookies["session"]
    await owner.post("/api/auth/logout")
    browser = await limited.new_browser()

    cost = await _transactions(
        limited, lambda: _flood(browser, path, lambda: token, expected={401, 429})
    )

    # Those that came at the same moment as the first one look too.
    assert cost <= 3 * LIMIT


async def test_a_user_over_the_limit_costs_no_transaction(limited: Platform):
    owner = await limited.new_owner(await limited.new_shop(), "ada")
    token = owner.cookies["session"]
    browser = await limited.new_browser()

    cost = await _transactions(
        limited, lambda: _flood(browser, SESSION, lambda: token, expected={200, 429})
    )

    # Those that were let through, and those that came at the same moment as the last of them.
    assert cost <= 5 * LIMIT


async def test_openings_of_the_live_stream_are_counted(limited: Platform):
    browser = await limited.new_browser()

    answers = [await browser.get("/api/live") for _ in range(LIMIT + 1)]

    assert {code_of(answer) for answer in answers[:-1]} == {(401, "AUTH_SESSION_EXPIRED")}
    assert code_of(answers[-1]) == (429, "RATE_LIMITED")
    assert (await browser.get(SESSION)).status_code == 401


async def test_readiness_is_looked_at_once_a_second_however_many_ask(limited: Platform):
    browser = await limited.new_browser()

    async def ask() -> None:
        answers = await asyncio.gather(
            *(browser.get("/health/ready") for _ in range(REQUESTS)),
        )
        assert {answer.status_code for answer in answers} == {200}

    assert await _transactions(limited, ask) <= LIMIT
