"""shop/redact schedules an erasure only of a shop that has left, late enough for a way back."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from tests.integration.oauth.leaving import (
    CANCELLED,
    CONNECTED,
    DISCONNECTED,
    ERASED,
    SCHEDULED,
    Leaver,
)
from tests.integration.oauth.scripted_shopify import SPENT

REDACT = "shop/redact"
HOUR = timedelta(hours=1)
SOON = timedelta(minutes=5)


async def test_after_a_recorded_uninstall_a_redaction_is_due_a_day_after_its_receipt(
    leaver: Leaver,
):
    await leaver.uninstall()
    await leaver.pass_time(48 * HOUR)
    asked = len(leaver.shopify.calls)
    before = utc_now()
    await leaver.send(REDACT)

    erasure = await leaver.erasure()
    assert before + 24 * HOUR <= erasure["due_at"] <= utc_now() + 24 * HOUR
    assert erasure["cause"] == "shop_redact"
    assert len(leaver.shopify.calls) == asked
    assert await leaver.events() == [CONNECTED, DISCONNECTED, SCHEDULED]

    await leaver.pass_time(24 * HOUR - SOON)
    assert ERASED not in await leaver.events()
    await leaver.pass_time(2 * SOON)
    assert await leaver.events() == [CONNECTED, DISCONNECTED, SCHEDULED, ERASED]


async def test_a_redaction_right_after_the_uninstall_waits_for_its_47_hours(leaver: Leaver):
    await leaver.uninstall()
    await leaver.send(REDACT)
    [row] = await leaver.oauth.rows("SELECT uninstalled_at FROM tenancy.tenants")
    assert (await leaver.erasure())["due_at"] == row["uninstalled_at"] + 47 * HOUR


async def test_a_repeated_redaction_changes_nothing(leaver: Leaver):
    await leaver.uninstall()
    record = await leaver.send(REDACT)
    due_at = (await leaver.erasure())["due_at"]
    await leaver.take(record)
    await leaver.send(REDACT)
    assert (await leaver.erasure())["due_at"] == due_at
    assert (await leaver.events()).count(SCHEDULED) == 1
    await leaver.pass_time(48 * HOUR)
    await leaver.take(record)
    assert (await leaver.events()).count(ERASED) == 1


async def test_a_token_that_works_disproves_a_redaction(leaver: Leaver):
    with capture_logs() as logs:
        await leaver.send(REDACT)
        for _ in range(3):
            assert await leaver.states() == ["open"]
            await leaver.pass_time(HOUR + SOON)

    assert await leaver.states() == ["disproved"]
    assert await leaver.erasure() is None
    assert await leaver.status() == "active"
    assert await leaver.events() == [CONNECTED]
    events = [line["security_event"] for line in logs if line["event"] == "security_event"]
    assert events == ["redact_disproved"]


async def test_without_a_record_shopify_s_terminal_answer_is_the_uninstall(leaver: Leaver):
    leaver.shopify.uninstalled.add(leaver.domain)
    before = utc_now()
    await leaver.send(REDACT)

    assert before + 47 * HOUR <= (await leaver.erasure())["due_at"] <= utc_now() + 47 * HOUR
    assert not await leaver.has_tokens()
    assert await leaver.events() == [CONNECTED, DISCONNECTED, SCHEDULED]


async def test_the_terminal_refusal_of_a_renewal_counts_as_the_record(leaver: Leaver):
    leaver.shopify.answer_next(401, SPENT)
    await leaver.oauth.let_token_expire(leaver.tenant_id, utc_now())
    await leaver.oauth.token(leaver.tenant_id)
    await leaver.pass_time(30 * HOUR)
    await leaver.send(REDACT)

    erasure = await leaver.erasure()
    [row] = await leaver.oauth.rows("SELECT uninstalled_at FROM tenancy.tenants")
    due_at = max(row["uninstalled_at"] + 47 * HOUR, erasure["requested_at"] + 24 * HOUR)
    assert abs(erasure["due_at"] - due_at) < SOON
    assert not await leaver.has_tokens()
    assert await leaver.status() == "disconnected"


async def _disconnected_by_the_owner(leaver: Leaver) -> None:
    await leaver.ask("POST", f"/internal/tenants/{leaver.tenant_id}/disconnect")


async def test_without_tokens_or_a_record_a_redaction_is_held_and_never_runs_by_itself(
    leaver: Leaver,
):
    await _disconnected_by_the_owner(leaver)
    await leaver.send(REDACT)
    await leaver.pass_time(1000 * HOUR)

    assert await leaver.states() == ["held"]
    assert await leaver.erasure() is None
    listed = (await leaver.ask("GET", "/internal/erasures", "ops")).json()["erasures"]
    assert [(line["state"], line["shop"], line["dueAt"]) for line in listed] == [
        ("held", leaver.domain, None)
    ]


async def test_a_held_redaction_goes_on_once_an_uninstall_is_taken(leaver: Leaver):
    await _disconnected_by_the_owner(leaver)
    await leaver.send(REDACT)
    await leaver.send("app/uninstalled")
    assert await leaver.states() == ["confirmed", "confirmed"]
    assert (await leaver.erasure())["due_at"] > utc_now() + 46 * HOUR


async def test_an_undecided_redaction_keeps_access_and_is_listed(leaver: Leaver):
    leaver.shopify.admin_status = 423
    leaver.shopify.answer_next(423, {"errors": "Locked"})
    await leaver.send(REDACT)
    assert (await leaver.oauth.token(leaver.tenant_id)).status_code == 200
    listed = (await leaver.ask("GET", "/internal/erasures", "ops")).json()["erasures"]
    assert [line["state"] for line in listed] == ["undecided"]


async def test_a_reconnect_cancels_the_redaction_and_a_late_one_is_disproved(leaver: Leaver):
    await leaver.uninstall()
    await leaver.send(REDACT)
    assert await leaver.reconnect() == leaver.tenant_id
    assert CANCELLED in await leaver.events()
    await leaver.pass_time(48 * HOUR)
    assert await leaver.status() == "active"

    await leaver.send(REDACT)
    for _ in range(3):
        await leaver.pass_time(HOUR + SOON)
    assert await leaver.states() == ["confirmed", "confirmed", "disproved"]
    assert await leaver.erasure() is None
    assert ERASED not in await leaver.events()


async def test_a_second_uninstall_starts_the_wait_again(leaver: Leaver):
    await leaver.uninstall()
    await leaver.pass_time(40 * HOUR)
    await leaver.reconnect()
    await leaver.uninstall()
    await leaver.send(REDACT)
    assert (await leaver.erasure())["due_at"] > utc_now() + 46 * HOUR


@pytest.mark.parametrize("hours", [0, 23.9])
async def test_a_redaction_of_a_tenant_that_its_owner_has_erased_changes_nothing(
    leaver: Leaver, hours: float
):
    due_at = (await leaver.erase()).json()["dueAt"]
    await leaver.pass_time(timedelta(hours=hours))
    await leaver.send(REDACT)
    assert await leaver.states() == []
    assert (await leaver.erasure())["cause"] == "owner"
    assert due_at
