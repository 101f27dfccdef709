"""A callback that is not the answer to this browser's own question is refused, with a reason,
and connects nothing."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from libs.common.web.requests import CLIENT_ADDRESS_HEADER
from tests.integration.oauth.driver import Begun, OauthDriver, encoded, new_domain, signed
from tests.integration.oauth.scripted_shopify import ScriptedShopify


@pytest.fixture
async def begun(oauth: OauthDriver) -> Begun:
    return await oauth.begin(new_domain())


@pytest.fixture(autouse=True)
async def nothing_is_connected(oauth: OauthDriver, shopify: ScriptedShopify):
    yield
    assert [call for call in shopify.calls if call["code"] != "the first"] == []


def _changed(begun: Begun, **changes: str) -> dict[str, str]:
    return signed({**begun.parameters, **changes})


async def _refused(oauth: OauthDriver, query, browser: str | None) -> str:
    answer = await oauth.callback(query, browser)
    assert answer.status_code == 403
    error = answer.json()["error"]
    assert (error["code"], error["retryable"]) == ("SHOPIFY_AUTH_FAILED", False)
    assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
    assert "Set-Cookie" not in answer.headers
    return str(error["details"]["reason"])


async def test_a_state_works_once(oauth: OauthDriver):
    first = await oauth.begin(new_domain(), code="the first")
    query = signed(first.parameters)
    assert (await oauth.callback(query, first.browser)).status_code == 303
    assert await _refused(oauth, query, first.browser) == "state_used"


async def test_a_state_is_spent_even_when_shopify_then_fails(
    oauth: OauthDriver, shopify: ScriptedShopify
):
    shopify.answer_next(400, {"error": "invalid_request"})
    first = await oauth.begin(new_domain(), code="the first")
    query = signed(first.parameters)
    assert await _refused(oauth, query, first.browser) == "code_refused"
    assert await _refused(oauth, query, first.browser) == "state_used"


async def test_another_browser_cannot_use_the_state(oauth: OauthDriver, begun: Begun):
    query = signed(begun.parameters)
    foreign = (await oauth.begin(new_domain())).browser
    assert await _refused(oauth, query, foreign) == "browser_mismatch"
    assert await _refused(oauth, query, None) == "browser_mismatch"
    assert await _refused(oauth, query, "") == "browser_mismatch"


async def test_an_expired_state_is_refused(oauth: OauthDriver, begun: Begun):
    await oauth.rows("UPDATE tenancy.install_states SET expires_at = now() - interval '1 second'")
    assert await _refused(oauth, signed(begun.parameters), begun.browser) == "state_expired"


async def test_an_unknown_state_is_refused(oauth: OauthDriver, begun: Begun):
    query = _changed(begun, state="0" * 64)
    assert await _refused(oauth, query, begun.browser) == "state_unknown"


@pytest.mark.parametrize("state", ["", "0.6784241404160823", "g" * 64, "A" * 64, "0" * 63])
async def test_a_state_that_is_no_hex_nonce_is_refused(
    oauth: OauthDriver, begun: Begun, state: str
):
    query = _changed(begun, state=state)
    assert await _refused(oauth, query, begun.browser) == "state_malformed"


async def test_a_state_of_another_shop_is_refused(oauth: OauthDriver, begun: Begun):
    query = _changed(begun, shop=new_domain())
    assert await _refused(oauth, query, begun.browser) == "shop_mismatch"


@pytest.mark.parametrize("digest", ["0" * 64, "", "é" * 64, "not hex"])
async def test_a_forged_signature_is_refused(oauth: OauthDriver, begun: Begun, digest: str):
    query = {**begun.parameters, "hmac": digest}
    assert await _refused(oauth, query, begun.browser) == "hmac_invalid"


async def test_a_signature_by_a_stranger_or_over_other_values_is_refused(
    oauth: OauthDriver, begun: Begun
):
    assert await _refused(oauth, signed(begun.parameters, "guess"), begun.browser) == "hmac_invalid"
    moved = signed(begun.parameters) | {"code": "another"}
    assert await _refused(oauth, moved, begun.browser) == "hmac_invalid"


@pytest.mark.parametrize("name", ["hmac", "shop", "timestamp", "state", "code"])
async def test_a_missing_parameter_is_refused(oauth: OauthDriver, begun: Begun, name: str):
    query = signed(begun.parameters)
    del query[name]
    assert await _refused(oauth, query, begun.browser) == "parameter_missing"


@pytest.mark.parametrize("name", ["hmac", "shop", "timestamp", "state", "code"])
async def test_a_doubled_parameter_is_refused(oauth: OauthDriver, begun: Begun, name: str):
    query = signed(begun.parameters)
    for doubled in (f"{encoded(query)}&{name}=x", f"{name}=x&{encoded(query)}"):
        answer = await oauth.callback(doubled, begun.browser)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert (error["code"], error["details"]["reason"]) == (
            "VALIDATION_FAILED",
            "parameter_repeated",
        )


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_timestamp_far_from_now_is_refused(oauth: OauthDriver, begun: Begun, minutes: int):
    then = str(int(utc_now().timestamp()) + minutes * 60)
    query = _changed(begun, timestamp=then)
    assert await _refused(oauth, query, begun.browser) == "timestamp_stale"


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "\u0661\u0662", "9" * 400])
async def test_a_timestamp_that_is_no_number_is_refused(
    oauth: OauthDriver, begun: Begun, timestamp: str
):
    query = _changed(begun, timestamp=timestamp)
    assert await _refused(oauth, query, begun.browser) == "timestamp_malformed"


SHOPS = [
    "",
    "example.com",
    "cdnow.myshopify.com\n",
    "evil.com/.myshopify.com",
    "cdnow.myshopify.com.evil.com",
    "cdnow.my\uff53hopify.com",
    "\u0441dnow.myshopify.com",
    "cdnow.myshopify.com%00",
]


@pytest.mark.parametrize("shop", SHOPS)
async def test_a_look_alike_of_a_shop_is_refused_at_both_doors(
    oauth: OauthDriver, begun: Begun, shop: str
):
    answers = [
        await oauth.auth(f"shop={quote(shop)}"),
        await oauth.callback(_changed(begun, shop=shop), begun.browser),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "VALIDATION_INVALID_SHOP"


async def test_the_door_refuses_no_shop_and_two_shops(oauth: OauthDriver):
    assert (await oauth.auth("")).json()["error"]["code"] == "VALIDATION_INVALID_SHOP"
    two = await oauth.auth(f"shop={new_domain()}&shop=evil.com")
    assert two.json()["error"]["code"] == "VALIDATION_FAILED"


async def test_a_person_is_sent_back_to_the_page_with_the_code_and_the_request_id(
    oauth: OauthDriver, begun: Begun
):
    answers = [
        (await oauth.auth("shop=evil.com", Accept="text/html,*/*"), "VALIDATION_INVALID_SHOP"),
        (
            await oauth.callback(begun.parameters | {"hmac": "0"}, None, Accept="text/html"),
            "SHOPIFY_AUTH_FAILED",
        ),
    ]
    for answer, code in answers:
        assert answer.status_code == 303
        target = urlsplit(answer.headers["Location"])
        assert target._replace(query="").geturl() == "http://127.0.0.1:8080/connect"
        assert parse_qs(target.query) == {
            "error": [code],
            "requestId": [answer.headers["X-Request-Id"]],
        }


async def test_a_refusal_is_a_security_event_with_its_reason_and_the_clients_network(
    oauth: OauthDriver, begun: Begun
):
    client = {CLIENT_ADDRESS_HEADER: "203.0.113.77"}
    with capture_logs() as lines:
        await oauth.callback({**begun.parameters, "hmac": "0" * 64}, begun.browser, **client)
        await oauth.auth("shop=evil.example", **client)
    events = [line for line in lines if line["event"] == "security_event"]
    assert [event["security_event"] for event in events] == ["install_refused"] * 2
    assert events[0]["details"] == {"reason": "hmac_invalid"}
    assert events[1]["code"] == "VALIDATION_INVALID_SHOP"
    assert {event["source"] for event in events} == {"203.0.113.0/24"}
    assert "203.0.113.77" not in str(lines)
