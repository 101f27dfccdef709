"""A sensitive action asks for the password again; a stolen cookie neither has nor guesses it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Request
from structlog.testing import capture_logs

from libs.common.web.app import create_web_app
from services.gateway.parts import SignedIn, TheParts
from services.gateway.reauthentication import check_password_again
from tests.http_servers import serving
from tests.integration.gateway.platform import PASSWORD, Platform, code_of, running_gateway

LIMIT = 10


@pytest.fixture
async def limited(platform: Platform, dashboard: Path) -> AsyncIterator[Platform]:
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        LOGIN_LIMIT_PER_MINUTE=str(LIMIT),
    ) as limited:
        yield limited


@pytest.fixture
async def sensitive(limited: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """An app with the gateway's own parts and one action that asks for the password."""
    router = APIRouter()

    @router.post("/api/sensitive")
    async def act(request: Request, session: SignedIn, parts: TheParts) -> dict[str, str]:
        await check_password_again(parts, request, session, (await request.json())["password"])
        return {"done": session.username}

    app = create_web_app("test", [router], ready_checks={})
    app.state.parts = limited.parts
    async with serving(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield http


async def _act(http: httpx.AsyncClient, owner: httpx.AsyncClient, password: str) -> httpx.Response:
    cookie = f"session={owner.cookies['session']}"
    return await http.post(
        "/api/sensitive", json={"password": password}, headers={"Cookie": cookie}
    )


async def test_the_own_password_confirms_an_action(platform: Platform, sensitive):
    owner = await platform.new_owner(await platform.new_shop(), "ada")

    assert (await _act(sensitive, owner, PASSWORD)).json() == {"done": "ada"}


async def test_a_wrong_password_is_refused_without_ending_the_session(platform, sensitive):
    owner = await platform.new_owner(await platform.new_shop(), "ada")
    await platform.new_owner(await platform.new_shop(), "eve")

    with capture_logs() as logs:
        refused = await _act(sensitive, owner, "the password of somebody else")

    assert code_of(refused) == (403, "PASSWORD_CONFIRMATION_FAILED")
    assert (await owner.get("/api/auth/session")).status_code == 200
    [event] = [line for line in logs if line["event"] == "security_event"]
    assert (event["security_event"], event["reason"]) == ("access_refused", "wrong_password")
    assert "ada" not in str(event)


async def test_a_stolen_cookie_cannot_guess_on(platform: Platform, sensitive):
    owner = await platform.new_owner(await platform.new_shop(), "ada")

    answers = [await _act(sensitive, owner, f"guess number {n}") for n in range(LIMIT)]

    assert code_of(answers[0]) == (403, "PASSWORD_CONFIRMATION_FAILED")
    assert code_of(answers[-1]) == (429, "RATE_LIMITED")
    assert int(answers[-1].headers["Retry-After"]) >= 1
