"""Whatever Shopify signs that is no webhook is refused as one, of every topic, and leaves a trace.

Shopify signs the query string of each redirect to the app with the key and the algorithm of
webhooks, and shows it to the merchant; the headers of a webhook are not signed.
"""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from libs.common.messaging.records import decode_records
from libs.common.messaging.topology import Lane
from services.ingestor.shopify.subscriptions import topics_for
from services.oauth.settings import OauthSettings
from services.webhooks.deliveries import COMPLIANCE_TOPICS
from tests.brokers import Broker
from tests.databases import Database
from tests.factories import webhook_signature
from tests.integration.messaging.queues import count_messages, take_message
from tests.integration.simulator.driver import KEY, SCOPES, Process, Simulator
from tests.integration.webhooks.running import Service
from tests.integration.webhooks.shopify import SECRET, add_shop, headers

_SCOPES = OauthSettings.model_fields["scopes"].get_default(call_default_factory=True)
TOPICS = sorted(topics_for(frozenset(_SCOPES)) | COMPLIANCE_TOPICS | {"app/uninstalled"})
BRACED = ' {"a":"=x&code=0907a61c0c8d55e99db179b68161bc00&shop=other.myshopify.com&timestamp=1&z="}'
"""A parameter that sorts first and one that sorts last make an object of the whole, but for the
space."""
OPENING = {
    "embedded": "1",
    "host": "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvYQ",
    "locale": "en-US",
    "session": "d5a1f4c0",
    "shop": "other.myshopify.com",
    "timestamp": "1337178173",
}
_LINES = (
    "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"
    "1,2026-11-01T10:00:00,1,1,Toy,1,9.50\n"
)


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    """The attacker's own shop, whose redirects are signed with the app's secret."""
    (tmp_path / "lines.csv").write_text(_LINES)
    shop = f"attacker.myshopify.com={tmp_path / 'lines.csv'}"
    process = Process(tmp_path / "data", ["--shop", shop]).start()
    async with Simulator(process.base, "attacker.myshopify.com") as made:
        await made.control("POST", "/faults", {"signWith": SECRET})
        yield made
    process.stop()


async def _redirected(simulator: Simulator) -> Mapping[str, str]:
    """The parameters of Shopify's redirect to the callback, as the address bar shows them."""
    asked = {
        "client_id": KEY,
        "scope": SCOPES,
        "redirect_uri": "http://127.0.0.1:9/callback",
        "state": "0a1b",
    }
    url = f"/{simulator.shop}/admin/oauth/authorize"
    answer = await simulator.http.get(url, params=asked)
    return dict(httpx.QueryParams(urlsplit(answer.headers["Location"]).query))


def _as_delivery(parameters: Mapping[str, str]) -> tuple[bytes, str]:
    """What an attacker makes of a signed query, without the secret: a body and its signature."""
    rest = sorted((name, value) for name, value in parameters.items() if name != "hmac")
    body = urlencode(rest, quote_via=quote, safe="*-._").encode()
    return body, base64.b64encode(bytes.fromhex(parameters["hmac"])).decode()


def _opening() -> dict[str, str]:
    query = urlencode(sorted(OPENING.items()), quote_via=quote, safe="*-._")
    return OPENING | {"hmac": hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()}


async def _send(
    webhooks: Service, shop: str, topic: str, body: bytes, signature: str
) -> tuple[httpx.Response, list[Mapping[str, object]]]:
    """The answer, and the security events that it left."""
    told = headers(shop, body, topic=topic) | {"X-Shopify-Hmac-Sha256": signature}
    with capture_logs() as lines:
        answer = await webhooks.http.post("/webhooks", content=body, headers=told)
    return answer, [line for line in lines if line["event"] == "security_event"]


async def _assert_nothing_taken(webhooks: Service, broker: Broker) -> None:
    assert await webhooks.spooled() == 0
    for lane in Lane:
        assert await count_messages(broker.url, lane) == 0


def _assert_forgery(
    answer: httpx.Response, events: list[Mapping[str, object]], reason: str, shop: str
) -> None:
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "WEBHOOK_SIGNATURE_INVALID"
    [event] = events
    assert (event["security_event"], event["reason"]) == ("delivery_forged", reason)
    assert (event["shop"], event["log_level"]) == (shop, "warning")
    assert event["source"] == "127.0.0.0/24"


async def test_signed_redirect_as_webhook_of_any_topic_is_refused_and_recorded(
    webhooks: Service, broker: Broker, database: Database, simulator: Simulator
):
    victim, _ = await add_shop(database)
    signed = [_as_delivery(await _redirected(simulator)), _as_delivery(_opening())]
    for body, signature in signed:
        assert webhook_signature(body, SECRET) == signature, "the attack's premise"
        for topic in TOPICS:
            answer, events = await _send(webhooks, victim, topic, body, signature)
            _assert_forgery(answer, events, "signed_query", victim)
    await _assert_nothing_taken(webhooks, broker)
    assert len(TOPICS) > 30


_texts = st.text(st.characters(codec="utf-8"), max_size=12)
_parameters = st.dictionaries(_texts | st.sampled_from([' {"a":"', "code", "z"]), _texts).map(
    lambda given: given | {"shop": "other.myshopify.com", "timestamp": "1337178173"}
)


def _query(parameters: Mapping[str, str], *, encoded: bool) -> str:
    """What is signed: sorted by byte order; libraries disagree on whether it is encoded."""
    items = sorted(parameters.items(), key=lambda item: item[0].encode())
    if encoded:
        return urlencode(items, quote_via=quote, safe="*-._")
    return "&".join(f"{name}={value}" for name, value in items)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.builds(
        lambda given, encoded: _query(given, encoded=encoded), _parameters, st.booleans()
    ),
    topic=st.sampled_from(TOPICS),
)
@example(query=BRACED, topic="customers/redact")
@example(query=BRACED, topic="orders/create")
async def test_signed_query_of_any_parameters_is_refused(
    webhooks: Service, broker: Broker, query: str, topic: str
):
    body = query.encode()
    shop = "other.myshopify.com"
    answer, events = await _send(webhooks, shop, topic, body, webhook_signature(body, SECRET))
    _assert_forgery(answer, events, "signed_query", shop)
    await _assert_nothing_taken(webhooks, broker)


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b"null", b"{", b"}", b" {}", b"{}\n", b"\xef\xbb\xbf{}", b"\xff\x00"],
)
async def test_signed_body_that_is_no_object_is_refused(
    webhooks: Service, broker: Broker, database: Database, body: bytes
):
    shop, _ = await add_shop(database)
    signature = webhook_signature(body, SECRET)
    answer, events = await _send(webhooks, shop, "orders/create", body, signature)
    _assert_forgery(answer, events, "signed_without_object", shop)
    await _assert_nothing_taken(webhooks, broker)


async def test_unsigned_body_is_another_event_with_the_same_answer(webhooks: Service):
    shop = "other.myshopify.com"
    forged = webhook_signature(b"{}", "another secret")
    wrong, [of_wrong] = await _send(webhooks, shop, "orders/create", b"{}", forged)
    short, [of_short] = await _send(webhooks, shop, "orders/create", b"{}", "AAAA")
    good = webhook_signature(b"[]", SECRET)
    no_object, _ = await _send(webhooks, shop, "orders/create", b"[]", good)
    assert (of_wrong["security_event"], of_wrong["reason"]) == ("delivery_unsigned", "wrong")
    assert (of_short["security_event"], of_short["reason"]) == ("delivery_unsigned", "malformed")
    for answer in (wrong, short, no_object):
        assert answer.status_code == 401
        assert answer.json()["error"] == no_object.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":1,"landing_site":"/?shop=other.myshopify.com&timestamp=1&hmac=0a"}',
        b'{"note":"\\ud800"}',
        b'{"note":"\xed\xa0\x80"}',
        b'{"note":"\xff"}',
        b"{}",
    ],
)
async def test_signed_object_is_taken_whatever_its_texts_hold(
    webhooks: Service, broker: Broker, database: Database, body: bytes
):
    shop, _ = await add_shop(database)
    assert (await webhooks.deliver(shop, body)).status_code == 200
    message = await take_message(broker.url, Lane.STORE)
    assert [record.body for record in decode_records(message.body)] == [body]
