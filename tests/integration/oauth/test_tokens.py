"""The ingestor always gets a token that is valid now; Shopify sees one refresh at a time per
shop; a pair is committed before it is used; and a spent refresh token is said, not hidden."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, new_domain, running, signed
from tests.integration.oauth.scripted_shopify import SPENT, ScriptedShopify


async def test_a_token_that_lasts_is_given_without_asking_shopify(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)

    answer = await oauth.token(tenant_id)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["accessToken"], body["shopDomain"]) == ("shpat_1", domain)
    assert set(body) == {"accessToken", "expiresAt", "scopes", "shopDomain"}
    assert datetime.fromisoformat(body["expiresAt"]) > utc_now() + timedelta(minutes=59)
    assert shopify.refreshes == []


async def test_a_token_is_refreshed_ten_minutes_before_its_end(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    tenant_id = await oauth.connect(new_domain())

    await oauth.let_token_expire(tenant_id, utc_now() + timedelta(minutes=11))
    assert (await oauth.token(tenant_id)).json()["accessToken"] == "shpat_1"
    await oauth.let_token_expire(tenant_id, utc_now() + timedelta(minutes=9))
    assert (await oauth.token(tenant_id)).json()["accessToken"] == "shpat_2"

    assert shopify.refreshes == ["shprt_1"]
    assert shopify.calls[-1]["grant_type"] == "refresh_token"


async def test_fifty_asks_at_once_of_two_processes_make_one_refresh(
    oauth: OauthDriver,
    shopify: ScriptedShopify,
    database: Database,
    keys: CallerKeys,
):
    tenant_id = await oauth.connect(new_domain())
    await oauth.let_token_expire(tenant_id, utc_now())

    shopify.gate.clear()

    async with running(database.url_for("oauth"), shopify.api_url, keys) as other:
        asks = [
            asyncio.create_task((oauth, other)[number % 2].token(tenant_id)) for number in range(50)
        ]
        await _row_lock_is_waited_for(oauth)
        shopify.gate.set()
        answers = await asyncio.gather(*asks)

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["accessToken"] for answer in answers} == {"shpat_2"}
    assert shopify.refreshes == ["shprt_1"]


async def test_a_shop_whose_refresh_hangs_slows_no_other_shop(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    stuck, other = await oauth.connect(new_domain()), await oauth.connect(new_domain())
    await oauth.let_token_expire(stuck, utc_now())
    shopify.gate.clear()
    shopify.arrived.clear()

    waiting = [asyncio.create_task(oauth.token(stuck)) for _ in range(20)]
    await shopify.arrived.wait()
    answer = await oauth.token(other)

    assert answer.status_code == 200
    assert not any(task.done() for task in waiting)
    shopify.gate.set()
    assert {(await task).status_code for task in waiting} == {200}


async def test_an_install_waits_for_a_running_refresh_and_its_pair_stays(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    begun = await oauth.begin(domain, code="again")
    await oauth.let_token_expire(tenant_id, utc_now())
    shopify.gate.clear()
    shopify.arrived.clear()

    refresh = asyncio.create_task(oauth.token(tenant_id))
    await shopify.arrived.wait()
    install = asyncio.create_task(oauth.callback(signed(begun.parameters), begun.browser))
    await _row_lock_is_waited_for(oauth)
    assert [call.get("code") for call in shopify.calls] == ["the-code", None]
    shopify.gate.set()

    assert (await refresh).json()["accessToken"] == "shpat_2"
    assert (await install).status_code == 303
    assert (await oauth.token(tenant_id)).json()["accessToken"] == "shpat_3"


async def _row_lock_is_waited_for(oauth: OauthDriver) -> None:
    sql = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(7):
        while not await oauth.rows(sql):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_refresh_that_fails_for_a_moment_is_tried_again_with_the_same_token(
    oauth: OauthDriver, shopify: ScriptedShopify, status: int
):
    tenant_id = await oauth.connect(new_domain())
    await oauth.let_token_expire(tenant_id, utc_now())
    shopify.answer_next(status)
    shopify.answers.append(lambda: Response("<html>", 200))

    with capture_logs() as logs:
        answer = await oauth.token(tenant_id)

    assert answer.json()["accessToken"] == "shpat_4"
    assert shopify.refreshes == ["shprt_1"] * 3
    told = [each for each in logs if each["event"] == "shopify_token_asked_again"]
    assert [each["reason"] for each in told] == [f"status_{status}", "answer_malformed"]
    assert "shprt_1" not in str(logs)


async def test_while_shopify_is_away_the_token_in_hand_is_given_until_its_end(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    tenant_id = await oauth.connect(new_domain())
    await oauth.let_token_expire(tenant_id, utc_now() + timedelta(minutes=5))
    for _ in range(4):
        shopify.answer_next(503)
    assert (await oauth.token(tenant_id)).json()["accessToken"] == "shpat_1"

    await oauth.let_token_expire(tenant_id, utc_now())
    for _ in range(4):
        shopify.answer_next(503)
    answer = await oauth.token(tenant_id)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "SHOPIFY_UNAVAILABLE"
    assert answer.json()["error"]["retryable"] is True
    assert await oauth.status_of(tenant_id) == "active"


async def test_shopify_says_when_to_come_back_and_is_believed(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    tenant_id = await oauth.connect(new_domain())
    await oauth.let_token_expire(tenant_id, utc_now())
    shopify.answer_next(429, None, **{"Retry-After": "60"})

    answer = await oauth.token(tenant_id)

    assert answer.json()["error"]["code"] == "SHOPIFY_UNAVAILABLE"
    assert answer.headers["Retry-After"] == "60"
    assert len(shopify.refreshes) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, SPENT),
        (401, {"error": "invalid_request"}),
        (400, {"error": "invalid_grant"}),
    ],
)
async def test_a_spent_refresh_token_asks_the_merchant_to_connect_again(
    oauth: OauthDriver, shopify: ScriptedShopify, status: int, body: dict[str, str]
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    await oauth.let_token_expire(tenant_id, utc_now())
    shopify.answer_next(status, body)

    for _ in range(2):
        answer = await oauth.token(tenant_id)
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "RECONNECT_REQUIRED"
    assert await oauth.status_of(tenant_id) == "reconnect_required"
    assert len(shopify.refreshes) == 1
    [_, told] = await oauth.events_of(tenant_id)
    assert told["type"] == "tenant.disconnected.v1"
    assert told["body"]["reason"] == "reconnect_required"

    assert await oauth.connect(domain) == tenant_id
    assert await oauth.status_of(tenant_id) == "active"
    assert (await oauth.token(tenant_id)).status_code == 200


async def test_an_answer_we_do_not_know_changes_nothing(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    tenant_id = await oauth.connect(new_domain())
    await oauth.let_token_expire(tenant_id, utc_now())
    shopify.answer_next(403, "go away")

    answer = await oauth.token(tenant_id)

    assert answer.json()["error"]["code"] == "SHOPIFY_REQUEST_REFUSED"
    assert await oauth.status_of(tenant_id) == "active"
    assert (await oauth.token(tenant_id)).status_code == 200


async def test_a_pair_without_a_lifetime_is_taken_for_one_of_an_hour(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    shopify.fields = {}
    tenant_id = await oauth.connect(new_domain())
    expires_at = (await oauth.token(tenant_id)).json()["expiresAt"]
    left = datetime.fromisoformat(expires_at) - utc_now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


@pytest.mark.parametrize("status", [400, 403, 503])
async def test_a_token_without_end_is_given_as_it_is_while_shopify_gives_no_pair_for_it(
    oauth: OauthDriver, shopify: ScriptedShopify, status: int
):
    shopify.fields = {"refresh_token": None}
    tenant_id = await oauth.connect(new_domain())
    for _ in range(4):
        shopify.answer_next(status, {"error": "invalid_request"})

    given = (await oauth.token(tenant_id)).json()

    assert (given["accessToken"], given["expiresAt"]) == ("shpat_1", None)
    assert await oauth.status_of(tenant_id) == "active"


async def test_a_token_without_end_that_shopify_takes_no_more_asks_the_merchant_to_connect_again(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    shopify.fields = {"refresh_token": None}
    tenant_id = await oauth.connect(new_domain())
    shopify.answer_next(400, {"error": "invalid_subject_token"})

    assert (await oauth.token(tenant_id)).json()["error"]["code"] == "RECONNECT_REQUIRED"
    assert await oauth.status_of(tenant_id) == "reconnect_required"


async def test_a_new_key_seals_what_is_refreshed_and_opens_what_is_older(
    oauth: OauthDriver,
    shopify: ScriptedShopify,
    database: Database,
    keys: CallerKeys,
):
    tenant_id = await oauth.connect(new_domain())
    old = "k1:" + "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
    new = "k2:" + "bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4="
    url, api_url = database.url_for("oauth"), shopify.api_url

    async with running(url, api_url, keys, ENCRYPTION_KEY=f"{new},{old}") as rotated:
        assert (await rotated.token(tenant_id)).json()["accessToken"] == "shpat_1"
        await oauth.let_token_expire(tenant_id, utc_now())
        assert (await rotated.token(tenant_id)).json()["accessToken"] == "shpat_2"
    async with running(url, api_url, keys, ENCRYPTION_KEY=new) as later:
        assert (await later.token(tenant_id)).json()["accessToken"] == "shpat_2"
    answer = await oauth.token(tenant_id)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (503, "ENCRYPTION_KEY_MISSING")
    assert error["details"] == {"reason": "key_missing", "keyId": "k2"}


async def test_a_tenant_nobody_knows_is_not_found(oauth: OauthDriver):
    for answer in (await oauth.token(uuid4()), await oauth.tenant(uuid4())):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "TENANT_NOT_FOUND"
