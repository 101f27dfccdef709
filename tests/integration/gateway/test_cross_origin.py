"""Pages of configured origins may use the API; pages of any other can neither read nor change."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.gateway.platform import Platform, code_of, log_in, running_gateway

THEIRS = "https://reports.example"


@pytest.fixture
async def shared(platform: Platform, dashboard: Path) -> AsyncIterator[Platform]:
    async with running_gateway(
        platform.database, platform.keys, dashboard, platform.upstreams, CORS_ORIGINS=THEIRS
    ) as shared:
        yield shared


def _preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }


async def test_a_configured_origin_is_answered_with_credentials_and_by_name(shared: Platform):
    browser = await shared.new_browser()

    asked = await browser.options("/api/auth/login", headers=_preflight(THEIRS))
    answer = await browser.get("/api/auth/session", headers={"Origin": THEIRS})

    assert asked.status_code == 200
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert asked.headers["Content-Security-Policy"]
    assert code_of(answer) == (401, "AUTH_SESSION_EXPIRED")
    for one in (asked, answer):
        assert one.headers["Access-Control-Allow-Origin"] == THEIRS
        assert one.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in one.headers["Vary"]
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]


async def test_a_configured_origin_may_sign_in_and_another_may_not(shared: Platform):
    await shared.new_owner(await shared.new_shop(), "ada")
    browser = await shared.new_browser()

    for origin, status in ((THEIRS, 200), ("https://evil.example", 403)):
        browser.headers.update({"Origin": origin, "Sec-Fetch-Site": "cross-site"})
        assert (await log_in(browser, "ada")).status_code == status


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{THEIRS}.evil", "*"])
async def test_any_other_origin_gets_no_permission(shared: Platform, origin: str):
    browser = await shared.new_browser()

    asked = await browser.options("/api/auth/login", headers=_preflight(origin))
    answer = await browser.get("/api/auth/session", headers={"Origin": origin})

    for one in (asked, answer):
        assert "Access-Control-Allow-Origin" not in one.headers
        assert one.json()["requestId"]


async def test_without_the_setting_no_origin_gets_permission(platform: Platform):
    browser = await platform.new_browser()

    for origin in (THEIRS, platform.origin):
        answer = await browser.get("/api/auth/session", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
