"""An operator sees every erasure, cancels what has not begun, and makes one due."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from libs.common.clock import utc_now
from tests.integration.oauth.leaving import CANCELLED, ERASED, SCHEDULED, Leaver

DAY = timedelta(hours=24)


async def _decide(leaver: Leaver, what: str) -> Any:
    return await leaver.ask("POST", f"/internal/erasures/{leaver.tenant_id}/{what}", "ops")


async def _listed(leaver: Leaver) -> list[Any]:
    answer = await leaver.ask("GET", "/internal/erasures", "ops")
    return list(answer.json()["erasures"])


async def _hold(leaver: Leaver) -> None:
    await leaver.ask("POST", f"/internal/tenants/{leaver.tenant_id}/disconnect")
    await leaver.send("shop/redact")


async def test_an_erasure_is_listed_from_the_request_to_its_receipt(leaver: Leaver):
    assert await _listed(leaver) == []
    due_at = (await leaver.erase()).json()["dueAt"]
    [line] = await _listed(leaver)
    assert (line["tenantId"], line["shop"]) == (str(leaver.tenant_id), leaver.domain)
    assert (line["cause"], line["state"], line["dueAt"]) == ("owner", "scheduled", due_at)

    await leaver.pass_time(2 * DAY)
    [line] = await _listed(leaver)
    assert line["state"] == "running"
    assert leaver.domain not in str(line)
    for caller in ("gateway", "ingestor"):
        await leaver.report(caller)
    assert [line["state"] for line in await _listed(leaver)] == ["done"]


async def test_a_cancelled_erasure_never_runs_and_the_shop_stays_disconnected(leaver: Leaver):
    await leaver.erase()
    assert (await _decide(leaver, "cancel")).status_code == 204
    await leaver.pass_time(2 * DAY)

    events = await leaver.events()
    assert events[-1] == CANCELLED
    assert ERASED not in events
    assert await leaver.status() == "disconnected"
    assert await _listed(leaver) == []


async def test_a_held_redaction_can_be_cancelled(leaver: Leaver):
    await _hold(leaver)
    assert (await _decide(leaver, "cancel")).status_code == 204
    assert await leaver.states() == ["cancelled"]
    assert CANCELLED not in await leaver.events()


@pytest.mark.parametrize("held", [True, False])
async def test_an_erasure_can_be_run_before_it_is_due(leaver: Leaver, *, held: bool):
    if held:
        await _hold(leaver)
    else:
        await leaver.erase()
    answer = await _decide(leaver, "run")
    assert answer.status_code == 202
    assert datetime.fromisoformat(answer.json()["dueAt"]) <= utc_now()
    await leaver.oauth.work()

    assert (await leaver.events())[-2:] == [SCHEDULED, ERASED]


@pytest.mark.parametrize("what", ["cancel", "run"])
async def test_there_is_nothing_to_decide_without_an_erasure_or_once_it_runs(
    leaver: Leaver, what: str
):
    assert (await _decide(leaver, what)).status_code == 404
    await leaver.erase()
    await leaver.pass_time(2 * DAY)
    assert (await _decide(leaver, what)).status_code == 404
    assert (await leaver.events()).count(ERASED) == 1
    leaver.tenant_id = uuid4()
    assert (await _decide(leaver, what)).status_code == 404


async def _command(leaver: Leaver, *arguments: str, answer: str = "") -> tuple[int, str]:
    """`tillstream tenants erasures ...` as an operator runs it; `answer` is typed in."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tillstream")),
        *("tenants", "erasures", *arguments),
        env=os.environ
        | {
            "OAUTH_URL": str(leaver.oauth.http.base_url),
            "CALLER_PRIVATE_KEY": leaver.oauth.private_key("ops"),
            "COLUMNS": "200",
        },
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate(answer.encode())
    return process.returncode or 0, output.decode()


async def test_the_command_lists_cancels_and_runs(leaver: Leaver):
    await leaver.erase()
    status, shown = await _command(leaver, "list")
    assert status == 0, shown
    for text in (str(leaver.tenant_id), leaver.domain, "owner", "scheduled"):
        assert text in shown

    assert (await _command(leaver, "cancel", leaver.domain))[0] == 0
    assert await leaver.erasure() is None
    status, shown = await _command(leaver, "cancel", leaver.domain)
    assert status == 1
    assert "tillstream tenants erasures list" in shown

    await leaver.erase()
    assert (await _command(leaver, "run", leaver.domain, answer="n\n"))[0] == 1
    await leaver.oauth.work()
    assert ERASED not in await leaver.events()
    assert (await _command(leaver, "run", str(leaver.tenant_id), "--yes"))[0] == 0
    await leaver.oauth.work()
    assert ERASED in await leaver.events()
    assert leaver.domain not in (await _command(leaver, "list"))[1]


async def test_the_command_says_that_departures_are_stopped_and_resumes_them(leaver: Leaver):
    assert "nothing was stopped" in (await _command(leaver, "resume"))[1]
    await leaver.oauth.rows("UPDATE tenancy.departure_brake SET stopped_at = now()")
    assert "tillstream tenants erasures resume" in (await _command(leaver, "list"))[1]
    assert "departures go on" in (await _command(leaver, "resume"))[1]
    assert "resume" not in (await _command(leaver, "list"))[1]
