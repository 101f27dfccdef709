"""Nobody sends more than the limit, one caller's limit costs no other, and everyone is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from tests.integration.gateway.platform import (
    PASSWORD,
    Platform,
    code_of,
    log_in,
    running_gateway,
)

LIMIT = 6
SESSION = "/api/auth/session"


@pytest.fixture
async def limited(platform: Platform, dashboard: Path) -> AsyncIterator[Platform]:
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        RATE_LIMIT_PER_MINUTE=str(LIMIT),
        TRUSTED_PROXIES="127.0.0.0/8",
    ) as limited:
        yield limited


async def _signed_in(platform: Platform, limited: Platform, username: str) -> httpx.AsyncClient:
    """A browser with a session that the limited gateway has not counted a request of."""
    owner = await platform.new_owner(await platform.new_shop(), username)
    browser = await limited.new_browser()
    browser.cookies = owner.cookies
    return browser


async def _until_refused(browser: httpx.AsyncClient, path: str = SESSION) -> httpx.Response:
    for _ in range(LIMIT):
        answer = await browser.get(path)
        assert answer.status_code != 429
    return await browser.get(path)


async def test_a_user_is_refused_above_the_limit_and_told_when_to_come_back(platform, limited):
    ada = await _signed_in(platform, limited, "ada")

    refused = await _until_refused(ada)

    assert code_of(refused) == (429, "RATE_LIMITED")
    assert refused.json()["error"]["retryable"] is True
    assert refused.json()["requestId"] == refused.headers["X-Request-Id"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == f'"requests";q={LIMIT};w=60'
    assert refused.headers["RateLimit"].startswith('"requests";r=0;t=')
    assert refused.headers["Content-Security-Policy"]


async def test_an_answer_says_how_much_is_left(platform, limited):
    ada = await _signed_in(platform, limited, "ada")

    left = [(await ada.get(SESSION)).headers["RateLimit"].split(";")[1] for _ in range(3)]

    assert left == [f"r={LIMIT - 1}", f"r={LIMIT - 2}", f"r={LIMIT - 3}"]


async def test_one_users_limit_costs_no_other_user_at_the_same_address(platform, limited):
    ada = await _signed_in(platform, limited, "ada")
    eve = await _signed_in(platform, limited, "eve")

    assert (await _until_refused(ada)).status_code == 429

    assert (await eve.get(SESSION)).status_code == 200


async def test_the_same_user_is_one_user_from_every_browser_and_address(platform, limited):
    ada = await _signed_in(platform, limited, "ada")
    other_browser = await platform.new_browser()
    await log_in(other_browser, "ada")
    ada_again = await limited.new_browser()
    ada_again.cookies = other_browser.cookies

    assert (await _until_refused(ada)).status_code == 429

    elsewhere = {"X-Forwarded-For": "198.51.100.9"}
    assert (await ada_again.get(SESSION, headers=elsewhere)).status_code == 429


async def test_signed_out_and_with_a_made_up_session_the_address_is_counted(limited):
    browser = await limited.new_browser()
    names = iter(f"session=made-up-{number}" for number in range(LIMIT))
    for name in names:
        answer = await browser.get(SESSION, headers={"Cookie": name})
        assert code_of(answer) == (401, "AUTH_SESSION_EXPIRED")

    assert (await browser.get(SESSION)).status_code == 429
    other = {"X-Forwarded-For": "198.51.100.9"}
    assert (await browser.get(SESSION, headers=other)).status_code == 401


async def test_health_pages_assets_and_the_live_stream_are_not_counted(limited):
    browser = await limited.new_browser()
    assert (await _until_refused(browser)).status_code == 429

    for path in ("/health/live", "/", "/assets/index-3f2a.js"):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert "RateLimit" not in answer.headers
    assert code_of(await browser.get("/api/live")) == (401, "AUTH_SESSION_EXPIRED")


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/claim"])
async def test_one_address_may_try_few_names(platform: Platform, dashboard: Path, path: str):
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        LOGIN_LIMIT_PER_MINUTE="3",
    ) as strict:
        browser = await strict.new_browser()
        statuses = []
        for number in range(4):
            body = {"username": f"name-{number}", "password": PASSWORD}
            # Nobody trusts this address to speak for others.
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            statuses.append((await browser.post(path, json=body, headers=headers)).status_code)

    assert statuses[:3].count(429) == 0
    assert statuses[3] == 429


async def test_who_is_over_a_limit_is_recorded_once_a_minute(limited: Platform):
    browser = await limited.new_browser()

    with capture_logs() as logs:
        await _until_refused(browser)
        for _ in range(3):
            assert (await browser.get(SESSION)).status_code == 429
        answer = await browser.get(SESSION, headers={"X-Forwarded-For": "198.51.100.9"})

    assert answer.status_code == 401
    events = [line for line in logs if line["event"] == "security_event"]
    assert [(line["security_event"], line["limit"], line["source"]) for line in events] == [
        ("rate_limited", "requests", "127.0.0.0/24")
    ]
