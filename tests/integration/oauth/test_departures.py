"""A tenant leaves as its owner asks: disconnected it keeps its history, erased it keeps nothing but
a receipt, and until the erasure is due there is a way back.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from libs.common.clock import utc_now
from tests.integration.oauth.driver import OauthDriver
from tests.integration.oauth.leaving import (
    CANCELLED,
    CONNECTED,
    DISCONNECTED,
    ERASED,
    SCHEDULED,
    Leaver,
)

DAY = timedelta(hours=24)
SOON = timedelta(minutes=5)


async def test_an_owner_can_disconnect_and_connect_again_with_all_history(leaver: Leaver):
    for _ in range(2):
        answer = await leaver.ask("POST", f"/internal/tenants/{leaver.tenant_id}/disconnect")
        assert answer.status_code == 204

    assert await leaver.status() == "disconnected"
    assert (await leaver.oauth.tenant(leaver.tenant_id)).json()["scopes"] == []
    assert not await leaver.has_tokens()
    assert await leaver.events() == [CONNECTED, DISCONNECTED]
    assert await leaver.reconnect() == leaver.tenant_id
    assert await leaver.status() == "active"
    assert "read_orders" in (await leaver.oauth.tenant(leaver.tenant_id)).json()["scopes"]


async def test_an_erasure_ends_access_at_once_and_comes_due_after_its_grace(leaver: Leaver):
    assert (await leaver.oauth.tenant(leaver.tenant_id)).json()["erasure"] is None
    before = utc_now()
    answer = await leaver.erase()
    due_at = datetime.fromisoformat(answer.json()["dueAt"])

    assert answer.status_code == 202
    assert before + DAY <= due_at <= utc_now() + DAY
    assert await leaver.status() == "disconnected"
    assert not await leaver.has_tokens()
    assert await leaver.events() == [CONNECTED, DISCONNECTED, SCHEDULED]
    [*_, event] = await leaver.oauth.events_of(leaver.tenant_id)
    assert event["body"]["cause"] == "owner"
    assert datetime.fromisoformat(event["body"]["dueAt"]) == due_at
    told = (await leaver.oauth.tenant(leaver.tenant_id)).json()["erasure"]
    assert (datetime.fromisoformat(told["dueAt"]), told["cause"]) == (due_at, "owner")

    await leaver.pass_time(DAY - SOON)
    assert ERASED not in await leaver.events()
    await leaver.pass_time(2 * SOON)
    assert await leaver.events() == [CONNECTED, DISCONNECTED, SCHEDULED, ERASED]


async def test_asked_for_twice_an_erasure_is_due_when_the_first_said(leaver: Leaver):
    first = (await leaver.erase()).json()
    await leaver.pass_time(SOON)
    second = (await leaver.erase()).json()
    earlier = datetime.fromisoformat(first["dueAt"]) - SOON
    assert datetime.fromisoformat(second["dueAt"]) == earlier
    assert (await leaver.events()).count(SCHEDULED) == 1


async def test_a_shop_that_connects_again_before_it_is_due_stays(leaver: Leaver):
    await leaver.erase()
    assert await leaver.reconnect() == leaver.tenant_id
    await leaver.pass_time(2 * DAY)

    assert await leaver.erasure() is None
    assert await leaver.status() == "active"
    events = await leaver.events()
    assert sorted(events[3:]) == sorted([CANCELLED, CONNECTED])
    assert (await leaver.oauth.tenant(leaver.tenant_id)).json()["erasure"] is None


async def test_a_due_erasure_forgets_the_shop_and_tells_the_others(leaver: Leaver):
    await leaver.erase()
    await leaver.pass_time(DAY + SOON)

    for table in ("shop_directory", "credentials", "install_states"):
        assert await leaver.oauth.rows(f"SELECT 1 FROM tenancy.{table}") == []
    receipt = await leaver.erasure()
    assert receipt["domain_hash"] == hashlib.sha256(leaver.domain.encode()).digest()
    assert (receipt["cause"], receipt["done_at"]) == ("owner", None)
    answer = await leaver.oauth.tenant(leaver.tenant_id)
    assert answer.json()["error"]["code"] == "TENANT_NOT_FOUND"


async def test_the_tenant_goes_with_the_last_report_and_the_receipt_stays(leaver: Leaver):
    await leaver.erase()
    await leaver.pass_time(DAY + SOON)

    assert await leaver.report("ingestor", orders=3) == 204
    assert len(await leaver.oauth.rows("SELECT 1 FROM tenancy.tenants")) == 1
    for _ in range(2):
        assert await leaver.report("gateway", users=1) == 204
    assert await leaver.report("ingestor", orders=0) == 204

    for table in ("tenants", "departures"):
        assert await leaver.oauth.rows(f"SELECT 1 FROM tenancy.{table}") == []
    receipt = await leaver.erasure()
    assert receipt["erased"] == {"ingestor": {"orders": 3}, "gateway": {"users": 1}}
    assert receipt["done_at"] is not None


@pytest.mark.parametrize("scheduled", [False, True])
async def test_a_report_of_an_erasure_that_has_not_begun_erases_nothing(
    leaver: Leaver, *, scheduled: bool
):
    if scheduled:
        await leaver.erase()
    for caller in ("ingestor", "gateway"):
        assert await leaver.report(caller) == 204
    assert len(await leaver.oauth.rows("SELECT 1 FROM tenancy.tenants")) == 1
    assert await leaver.status() == ("disconnected" if scheduled else "active")


async def test_a_shop_that_connects_again_after_its_erasure_is_another_tenant(leaver: Leaver):
    old = leaver.tenant_id
    await leaver.erase()
    await leaver.pass_time(DAY + SOON)

    new = await leaver.reconnect()
    await leaver.send("app/uninstalled")
    for caller in ("ingestor", "gateway"):
        await leaver.report(caller)

    assert new != old
    assert await leaver.oauth.status_of(new) == "active"
    assert (await leaver.oauth.token(new)).status_code == 200
    assert [event["type"] for event in await leaver.oauth.events_of(new)] == [CONNECTED]


async def test_only_holders_of_rows_report(leaver: Leaver):
    assert await leaver.report("analytics") == 401


async def test_a_tenant_nobody_knows_can_be_neither_disconnected_nor_erased(oauth: OauthDriver):
    for method, path in (("DELETE", ""), ("POST", "/disconnect")):
        unknown = uuid4()
        url = f"/internal/tenants/{unknown}{path}"
        headers = oauth.caller("gateway", tenant=unknown)
        answer = await oauth.http.request(method, url, headers=headers)
        assert answer.status_code == 404
