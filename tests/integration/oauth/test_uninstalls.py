"""An uninstall is believed when Shopify says so itself: a signed body alone disconnects nobody."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from services.oauth.handlers import Deliveries
from tests.integration.oauth.driver import OauthDriver
from tests.integration.oauth.leaving import CONNECTED, DISCONNECTED, Leaver
from tests.integration.oauth.scripted_shopify import SPENT, ScriptedShopify

UNINSTALLED = "app/uninstalled"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
A_BIT_LONGER = timedelta(seconds=5)


async def test_an_uninstall_that_shopify_confirms_disconnects_once(leaver: Leaver):
    leaver.shopify.uninstalled.add(leaver.domain)
    record = await leaver.send(UNINSTALLED)
    await leaver.take(record)

    assert await leaver.status() == "disconnected"
    assert not await leaver.has_tokens()
    assert await leaver.events() == [CONNECTED, DISCONNECTED]
    [*_, event] = await leaver.oauth.events_of(leaver.tenant_id)
    assert event["body"]["reason"] == "app_uninstalled"
    assert await leaver.states() == ["confirmed"]
    [row] = await leaver.oauth.rows("SELECT uninstalled_at FROM tenancy.tenants")
    assert row["uninstalled_at"] is not None


async def test_taking_a_delivery_asks_nobody_and_ends_nothing(leaver: Leaver):
    leaver.shopify.uninstalled.add(leaver.domain)
    calls = len(leaver.shopify.calls)

    await Deliveries(leaver.oauth.engine).apply([leaver.delivery(UNINSTALLED)])

    assert len(leaver.shopify.calls) == calls
    assert await leaver.status() == "active"
    assert await leaver.states() == ["open"]


async def test_a_token_that_works_disproves_an_uninstall_after_four_questions(leaver: Leaver):
    with capture_logs() as logs:
        await leaver.send(UNINSTALLED)
        for pause in (MINUTE, 10 * MINUTE, HOUR):
            assert await leaver.states() == ["open"]
            await leaver.pass_time(pause - A_BIT_LONGER)
            asked = len(leaver.shopify.refreshes)
            await leaver.pass_time(2 * A_BIT_LONGER)
            assert len(leaver.shopify.refreshes) == asked + 1

    assert await leaver.states() == ["disproved"]
    assert len(leaver.shopify.refreshes) == 4
    assert await leaver.status() == "active"
    assert (await leaver.oauth.token(leaver.tenant_id)).status_code == 200
    assert await leaver.events() == [CONNECTED]
    assert [line["security_event"] for line in logs if line["event"] == "security_event"] == [
        "uninstall_disproved"
    ]


@pytest.mark.parametrize("asked_before", [1, 2, 3])
async def test_a_token_that_ends_between_two_questions_is_noticed(
    leaver: Leaver, asked_before: int
):
    await leaver.send(UNINSTALLED)
    for _ in range(asked_before - 1):
        await leaver.pass_time(HOUR + A_BIT_LONGER)
    leaver.shopify.uninstalled.add(leaver.domain)
    await leaver.pass_time(HOUR + A_BIT_LONGER)

    assert await leaver.status() == "disconnected"
    assert await leaver.states() == ["confirmed"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, {"errors": "Unavailable Shop"}),
        (423, {"errors": "Locked"}),
        (429, None),
        (500, None),
        (503, None),
        (401, {"error": "invalid_client"}),
        (403, {"error": "access_denied"}),
    ],
)
async def test_an_answer_that_says_nothing_of_the_app_is_asked_for_again_and_again(
    leaver: Leaver, status: int, body: object
):
    leaver.shopify.admin_status = 503
    await leaver.oauth.let_token_expire(leaver.tenant_id, utc_now())
    # 429, 500 and 503 are tried four times within one question.
    for _ in range(4 * 8):
        leaver.shopify.answer_next(status, body, **{"Retry-After": "0"})
    await leaver.send(UNINSTALLED)
    for _ in range(7):
        assert await leaver.states() == ["open"]
        assert await leaver.status() == "active"
        await leaver.pass_time(2 * HOUR)

    leaver.shopify.answers.clear()
    leaver.shopify.uninstalled.add(leaver.domain)
    await leaver.pass_time(2 * HOUR)
    assert await leaver.status() == "disconnected"


@pytest.mark.parametrize(
    ("admin_status", "status"), [(401, "disconnected"), (402, "active"), (423, "active")]
)
async def test_a_401_of_the_admin_api_to_a_token_that_has_not_ended_is_an_uninstall(
    leaver: Leaver, admin_status: int, status: str
):
    leaver.shopify.answer_next(401, {"error": "invalid_client"})
    leaver.shopify.admin_status = admin_status
    await leaver.send(UNINSTALLED)
    assert await leaver.status() == status


async def test_a_401_to_a_token_that_has_ended_says_nothing(leaver: Leaver):
    leaver.shopify.answer_next(401, {"error": "invalid_client"})
    leaver.shopify.admin_status = 401
    await leaver.oauth.let_token_expire(leaver.tenant_id, utc_now())
    await leaver.send(UNINSTALLED)
    assert await leaver.status() == "active"
    assert await leaver.states() == ["open"]


async def test_a_question_keeps_the_pair_that_it_was_answered_with(leaver: Leaver):
    await leaver.send(UNINSTALLED)
    await leaver.pass_time(MINUTE + A_BIT_LONGER)
    first, second = leaver.shopify.refreshes
    assert second != first
    pair = len(leaver.shopify.calls)
    token = (await leaver.oauth.token(leaver.tenant_id)).json()["accessToken"]
    assert token == f"shpat_{pair}"


async def test_an_uninstall_of_a_shop_its_owner_disconnected_is_recorded(leaver: Leaver):
    await leaver.ask("POST", f"/internal/tenants/{leaver.tenant_id}/disconnect")
    calls = len(leaver.shopify.calls)
    await leaver.send(UNINSTALLED)

    assert await leaver.states() == ["confirmed"]
    assert len(leaver.shopify.calls) == calls
    assert await leaver.events() == [CONNECTED, DISCONNECTED]
    [row] = await leaver.oauth.rows("SELECT uninstalled_at FROM tenancy.tenants")
    assert row["uninstalled_at"] is not None


async def test_an_uninstall_older_than_the_install_is_ignored(leaver: Leaver):
    await leaver.send(UNINSTALLED, time=utc_now() - MINUTE)
    assert await leaver.states() == []


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
async def test_within_the_second_of_an_install_an_uninstall_is_of_the_one_before_if_any(
    leaver: Leaver, *, again: bool
):
    if again:
        await leaver.reconnect()
    [row] = await leaver.oauth.rows("SELECT installed_at FROM tenancy.credentials")
    later = row["installed_at"] + timedelta(seconds=1)
    before = row["installed_at"] if again else row["installed_at"] - timedelta(microseconds=1)

    await leaver.send(UNINSTALLED, time=before)
    assert await leaver.states() == []
    await leaver.send(UNINSTALLED, time=later)
    assert await leaver.states() == ["open"]


async def test_a_shop_that_connects_again_is_no_longer_asked_about(leaver: Leaver):
    await leaver.send(UNINSTALLED)
    assert await leaver.reconnect() == leaver.tenant_id
    leaver.shopify.uninstalled.add(leaver.domain)
    await leaver.pass_time(2 * HOUR)
    assert await leaver.states() == ["superseded"]
    assert await leaver.status() == "active"


async def test_another_delivery_brings_the_question_forward_but_asks_at_most_once_a_minute(
    leaver: Leaver,
):
    record = await leaver.send(UNINSTALLED)
    await leaver.pass_time(MINUTE + A_BIT_LONGER)
    await leaver.pass_time(MINUTE + A_BIT_LONGER)
    asked = len(leaver.shopify.refreshes)

    await leaver.take(record)
    assert len(leaver.shopify.refreshes) == asked
    for _ in range(5):
        await leaver.send(UNINSTALLED)
    assert len(leaver.shopify.refreshes) == asked + 1
    assert await leaver.states() == ["open"]


async def test_the_terminal_refusal_of_a_renewal_is_a_record_of_the_uninstall(leaver: Leaver):
    leaver.shopify.answer_next(401, SPENT)
    await leaver.oauth.let_token_expire(leaver.tenant_id, utc_now())
    await leaver.oauth.token(leaver.tenant_id)
    assert await leaver.status() == "reconnect_required"
    [row] = await leaver.oauth.rows("SELECT uninstalled_at FROM tenancy.tenants")
    assert row["uninstalled_at"] is not None

    await leaver.reconnect()
    [row] = await leaver.oauth.rows("SELECT uninstalled_at FROM tenancy.tenants")
    assert row["uninstalled_at"] is None


async def test_a_refusal_of_our_own_secret_disconnects_nobody(
    oauth: OauthDriver, shopify: ScriptedShopify, leaver: Leaver
):
    await oauth.let_token_expire(leaver.tenant_id, utc_now())
    shopify.answer_next(401, {"error": "invalid_client"})
    answer = await oauth.token(leaver.tenant_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "SHOPIFY_REQUEST_REFUSED")
    assert await leaver.status() == "active"
    assert (await oauth.token(leaver.tenant_id)).status_code == 200
