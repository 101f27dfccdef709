"""An operator lists, disables and signs out users, and nobody else can by these routes."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE, STDOUT
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.common.errors import UserNotFoundError
from libs.common.web.client import ServiceClient
from tests import covered
from tests.caller_keys import CallerKeys
from tests.http_servers import serving
from tests.integration.gateway.platform import Platform, code_of, domain_of, log_in
from tests.keeper import ROOT

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def operator(platform: Platform):
    async with serving(platform.app) as url:
        client = ServiceClient("gateway", url, platform.keys.signer("ops"))
        yield client
        await client.close()


async def _user(operator: ServiceClient, username: str) -> dict[str, Any]:
    users = (await operator.ask("GET", "/internal/users"))["users"]
    [found] = [user for user in users if user["username"] == username]
    return dict(found)


async def _set_disabled(operator: ServiceClient, username: str, *, disabled: bool) -> int:
    user = await _user(operator, username)
    answer = await operator.ask(
        "PATCH", f"/internal/users/{user['id']}", json={"disabled": disabled}
    )
    return int(answer["ended"])


async def test_the_list_names_users_shops_and_valid_sessions(platform, operator):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await log_in(await platform.new_browser(), "ada")
    await platform.new_owner(await platform.new_shop(), "eve")

    user = await _user(operator, "ada")

    assert user["shops"] == [domain_of(shop.tenant_id)]
    assert user["sessions"] == 2
    assert user["disabledAt"] is None
    assert "hash" not in str(user)
    users = (await operator.ask("GET", "/internal/users"))["users"]
    assert [one["username"] for one in users] == ["ada", "eve"]


async def test_a_disabled_user_is_signed_out_at_once_and_cannot_sign_in(platform, operator):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    eve = await platform.new_owner(await platform.new_shop(), "eve")

    assert await _set_disabled(operator, "ada", disabled=True) == 1

    assert code_of(await ada.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert code_of(await log_in(ada, "ada")) == (403, "ACCOUNT_DISABLED")
    assert code_of(await log_in(ada, "ada", "wrong password")) == (
        401,
        "AUTH_INVALID_CREDENTIALS",
    )
    assert (await eve.get("/api/auth/session")).status_code == 200
    assert (await _user(operator, "ada"))["disabledAt"]


async def test_an_enabled_user_can_sign_in_again(platform, operator):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    await _set_disabled(operator, "ada", disabled=True)

    assert await _set_disabled(operator, "ada", disabled=False) == 0

    assert (await log_in(ada, "ada")).status_code == 200


async def test_sign_ins_under_way_do_not_outlive_the_disabling(platform, operator):
    await platform.new_owner(await platform.new_shop(), "ada")
    browsers = [await platform.new_browser() for _ in range(6)]

    await asyncio.gather(
        *(log_in(browser, "ada") for browser in browsers),
        _set_disabled(operator, "ada", disabled=True),
    )

    statuses = [(await one.get("/api/auth/session")).status_code for one in browsers]
    assert statuses == [401] * len(browsers)
    assert (await _user(operator, "ada"))["sessions"] == 0


async def test_all_sessions_of_a_user_end_and_the_password_still_fits(platform, operator):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    user = await _user(operator, "ada")

    answer = await operator.ask("DELETE", f"/internal/users/{user['id']}/sessions")

    assert answer == {"ended": 1}
    assert (await ada.get("/api/auth/session")).status_code == 401
    assert (await log_in(ada, "ada")).status_code == 200


async def test_what_an_operator_did_is_recorded(platform, operator):
    await platform.new_owner(await platform.new_shop(), "ada")

    with capture_logs() as logs:
        await _set_disabled(operator, "ada", disabled=True)
        await _set_disabled(operator, "ada", disabled=False)

    events = [line for line in logs if line["event"] == "security_event"]
    assert [line["security_event"] for line in events] == ["user_disabled", "user_enabled"]
    assert {line["by"] for line in events} == {"operator"}
    assert events[0]["sessions"] == 1


async def test_an_unknown_user_is_said_to_be_none(operator: ServiceClient):
    for method, path, body in (
        ("PATCH", f"/internal/users/{NOBODY}", {"disabled": True}),
        ("DELETE", f"/internal/users/{NOBODY}/sessions", None),
    ):
        with pytest.raises(UserNotFoundError) as refused:
            await operator.ask(method, path, json=body)
        assert refused.value.code == "USER_NOT_FOUND"


async def test_the_command_does_what_it_says(platform: Platform):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    async with serving(platform.app) as url:
        key = platform.keys.private["ops"]

        async def run(*arguments: str) -> tuple[int, str]:
            environment = {
                **{"PATH": os.environ["PATH"], "COLUMNS": "200"},
                **{"GATEWAY_URL": url, "CALLER_PRIVATE_KEY": key},
            }
            process = await asyncio.create_subprocess_exec(
                *(*covered.python(), "-m", "libs.ops.cli", "users", *arguments),
                cwd=ROOT,
                env=environment,
                stdout=PIPE,
                stderr=STDOUT,
            )
            output, _ = await process.communicate()
            return process.returncode or 0, output.decode()

        status, listed = await run("list")
        assert status == 0
        assert re.search(rf"ada .* {domain_of(shop.tenant_id)} .* 1 .* active", listed)
        assert await run("end-sessions", "Ada") == (0, "ended: 1 session(s)\n")
        assert (await log_in(ada, "ada")).status_code == 200
        assert await run("disable", "ada") == (0, "disabled; ended: 1 session(s)\n")
        assert "disabled 20" in (await run("list"))[1]
        assert code_of(await log_in(ada, "ada")) == (403, "ACCOUNT_DISABLED")
        assert await run("enable", "ada") == (0, "enabled\n")
        assert (await log_in(ada, "ada")).status_code == 200
        status, said = await run("disable", "nobody")
        assert status == 1
        assert "no such user" in said


async def test_no_browser_and_no_other_service_is_let_in(platform: Platform):
    owner = await platform.new_owner(await platform.new_shop(), "ada")
    strangers = [
        None,
        *(platform.keys.auth(name, "gateway") for name in ("oauth", "ingestor", "gateway")),
        platform.keys.auth("ops", "oauth"),
        CallerKeys().auth("ops", "gateway"),
    ]

    for method, path in (
        ("GET", "/internal/users"),
        ("PATCH", f"/internal/users/{NOBODY}"),
        ("DELETE", f"/internal/users/{NOBODY}/sessions"),
    ):
        for stranger in strangers:
            answer = await owner.request(method, path, auth=stranger, json={"disabled": True})
            assert code_of(answer) == (401, "CALLER_REFUSED")
        bearer = {"Authorization": f"Bearer {owner.cookies['session']}"}
        answer = await owner.request(method, path, headers=bearer, json={"disabled": True})
        assert code_of(answer) == (401, "CALLER_REFUSED")
