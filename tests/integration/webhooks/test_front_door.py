"""A genuine delivery is in its lane before the 200; anything else is refused in our error shape."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from libs.common.messaging.records import DeliveryRecord, decode_records
from libs.common.messaging.topology import Lane
from tests.brokers import Broker
from tests.databases import Database
from tests.factories import webhook_signature
from tests.integration.messaging.queues import count_messages, take_message, until
from tests.integration.webhooks.running import Service
from tests.integration.webhooks.shopify import add_shop, headers

RAW = '{"id":820982911946154508,"note":"café & \\/"}'.encode()
TOO_LARGE = 8 * 1024 * 1024 + 1


async def take_records(broker: Broker, lane: Lane, number: int) -> list[DeliveryRecord]:
    records: list[DeliveryRecord] = []
    while len(records) < number:
        records += decode_records((await take_message(broker.url, lane)).body)
    return records


def assert_refused(answer: httpx.Response, status: int, code: str, *, retryable: bool = False):
    assert answer.status_code == status
    content = answer.json()
    assert content["error"]["code"] == code
    assert content["error"]["retryable"] is retryable
    assert content["requestId"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert datetime.fromisoformat(content["timestamp"]).tzinfo is not None


async def test_a_delivery_is_in_its_lane_as_it_came(
    webhooks: Service, broker: Broker, database: Database
):
    shop, tenant_id = await add_shop(database)
    given = headers(shop, RAW, webhook_id="w-1")
    answer = await webhooks.http.post("/webhooks/orders/create", content=RAW, headers=given)
    assert (answer.status_code, answer.content) == (200, b"")
    assert await take_records(broker, Lane.STORE, 1) == [
        DeliveryRecord(
            id="w-1",
            source=shop,
            type="orders/create",
            time=datetime(2026, 11, 20, 16, 15, 47, 123456, UTC),
            tenant_id=tenant_id,
            body=RAW,
            subject=given["X-Shopify-Event-Id"],
        )
    ]


@pytest.mark.parametrize("topic", ["app/uninstalled", "app/scopes_update", "shop/redact"])
async def test_the_life_of_a_tenant_has_a_lane_of_its_own(
    webhooks: Service, broker: Broker, database: Database, topic: str
):
    shop, _ = await add_shop(database)
    assert (await webhooks.deliver(shop, topic=topic)).status_code == 200
    records = await take_records(broker, Lane.TENANCY, 1)
    assert [one.type for one in records] == [topic]


async def test_a_disconnected_shop_is_a_known_shop(
    webhooks: Service, broker: Broker, database: Database
):
    shop, tenant_id = await add_shop(database, status="disconnected")
    assert (await webhooks.deliver(shop)).status_code == 200
    assert [one.tenant_id for one in await take_records(broker, Lane.STORE, 1)] == [tenant_id]


async def test_a_delivery_signed_with_an_older_secret_is_accepted(
    webhooks: Service, database: Database
):
    shop, _ = await add_shop(database)
    given = {
        **headers(shop, RAW),
        "X-Shopify-Hmac-Sha256": webhook_signature(RAW, "an older secret"),
    }
    answer = await webhooks.http.post("/webhooks", content=RAW, headers=given)
    assert answer.status_code == 200


@pytest.mark.parametrize("signature", [None, b"", b"AAAA", "\u00e9\u00e9".encode()])
async def test_a_signature_of_no_form_is_a_401_before_anything_else_is_looked_at(
    webhooks: Service, broker: Broker, signature: bytes | None
):
    given: dict[str, str | bytes] = dict(headers("not a shop", RAW, topic="not a topic"))
    del given["X-Shopify-Hmac-Sha256"]
    if signature is not None:
        given["X-Shopify-Hmac-Sha256"] = signature
    answer = await webhooks.http.post("/webhooks/orders/create", content=RAW, headers=given)
    assert_refused(answer, 401, "WEBHOOK_SIGNATURE_INVALID")
    assert await count_messages(broker.url, Lane.STORE) == 0


async def test_a_forged_signature_is_a_401_whether_or_not_the_shop_is_known(
    webhooks: Service, broker: Broker, database: Database
):
    known, _ = await add_shop(database)
    for shop in (known, "nobody.myshopify.com"):
        forged = {"X-Shopify-Hmac-Sha256": webhook_signature(RAW, "forged")}
        given = headers(shop, RAW) | forged
        answer = await webhooks.http.post("/webhooks/orders/create", content=RAW, headers=given)
        assert_refused(answer, 401, "WEBHOOK_SIGNATURE_INVALID")
    assert await count_messages(broker.url, Lane.STORE) == 0


@pytest.mark.parametrize("path", ["/webhooks/compliance", "/webhooks/shop/redact"])
async def test_a_forged_compliance_delivery_is_a_401(webhooks: Service, path: str):
    given = headers("some-shop.myshopify.com", RAW, topic="shop/redact")
    answer = await webhooks.http.post(path, content=RAW + b" ", headers=given)
    assert_refused(answer, 401, "WEBHOOK_SIGNATURE_INVALID")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"X-Shopify-Shop-Domain": "evil.com/.myshopify.com"}, "VALIDATION_INVALID_SHOP"),
        ({"X-Shopify-Shop-Domain": "evil.com"}, "VALIDATION_INVALID_SHOP"),
        ({"X-Shopify-Topic": "orders/paid"}, "WEBHOOK_TOPIC_MISMATCH"),
        ({"X-Shopify-Topic": "no topic"}, "VALIDATION_FAILED"),
        ({"X-Shopify-Webhook-Id": ""}, "VALIDATION_FAILED"),
    ],
)
async def test_headers_that_make_no_sense_are_a_400(
    webhooks: Service, broker: Broker, change: dict[str, str], code: str
):
    given = headers("some-shop.myshopify.com", RAW) | change
    answer = await webhooks.http.post("/webhooks/orders/create", content=RAW, headers=given)
    assert_refused(answer, 400, code)
    assert await count_messages(broker.url, Lane.STORE) == 0


async def test_an_unknown_shop_is_a_404_until_it_connects(webhooks: Service, database: Database):
    assert_refused(await webhooks.deliver("nobody.myshopify.com"), 404, "SHOP_UNKNOWN")
    shop, _ = await add_shop(database)
    assert (await webhooks.deliver(shop)).status_code == 200


async def test_a_shop_that_is_refreshed_in_needs_no_database(webhooks: Service, database: Database):
    first, _ = await add_shop(database)
    await webhooks.deliver(first)
    await webhooks.directory.load()
    later, tenant_id = await add_shop(database)

    async def known() -> bool:
        return webhooks.directory.cached(later) is not None

    await until(known)
    shop = webhooks.directory.cached(later)
    assert shop is not None
    assert shop.tenant_id == tenant_id


async def test_a_body_that_says_it_is_too_large_is_a_413(webhooks: Service, broker: Broker):
    body = b"x" * TOO_LARGE
    answer = await webhooks.deliver("some-shop.myshopify.com", body)
    assert_refused(answer, 413, "PAYLOAD_TOO_LARGE")
    assert await count_messages(broker.url, Lane.STORE) == 0


async def test_a_body_that_turns_out_too_large_is_a_413(webhooks: Service):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * 1024 * 1024

    given = headers("some-shop.myshopify.com", b"")
    answer = await webhooks.http.post("/webhooks", content=chunks(), headers=given)
    assert_refused(answer, 413, "PAYLOAD_TOO_LARGE")


async def test_a_body_of_the_largest_size_is_accepted_whole(
    webhooks: Service, broker: Broker, database: Database
):
    shop, _ = await add_shop(database)
    body = b"{" + b"x" * (TOO_LARGE - 3) + b"}"
    assert (await webhooks.deliver(shop, body)).status_code == 200
    assert [one.body == body for one in await take_records(broker, Lane.STORE, 1)] == [True]


async def test_other_methods_and_paths_are_refused(webhooks: Service):
    answer = await webhooks.http.get("/webhooks/orders/create")
    assert_refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"
    assert_refused(await webhooks.http.post("/elsewhere"), 404, "NOT_FOUND")


async def test_a_request_id_is_ours_and_the_clients_is_logged_beside_it(webhooks: Service):
    with capture_logs() as lines:
        # Each for a reason of its own: a second refusal for the same one is counted only.
        for given, hmac in (("request-0123456789", {}), ("a b", {"X-Shopify-Hmac-Sha256": "A"})):
            sent = {"X-Request-Id": given, **hmac}
            answer = await webhooks.http.post("/webhooks", headers=sent)
            assert_refused(answer, 401, "WEBHOOK_SIGNATURE_INVALID")
            assert answer.headers["x-request-id"] != given
    logged = [line["client_request_id"] for line in lines if "client_request_id" in line]
    assert logged == ["request-0123456789", None]


async def test_it_is_live_and_ready(webhooks: Service):
    assert (await webhooks.http.get("/health/live")).json() == {"status": "live"}
    ready = await webhooks.http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "failures": {}})


async def test_many_deliveries_at_once_are_all_there_once_in_fewer_messages(
    webhooks: Service, broker: Broker, database: Database
):
    shop, _ = await add_shop(database)
    bodies = {
        str(number := uuid4()): b'{"id":"%s"}' % number.bytes.hex().encode() for _ in range(300)
    }
    answers = await asyncio.gather(
        *(webhooks.deliver(shop, body, webhook_id=one) for one, body in bodies.items())
    )
    assert {answer.status_code for answer in answers} == {200}
    assert await count_messages(broker.url, Lane.STORE) < 300
    records = await take_records(broker, Lane.STORE, 300)
    assert sorted((one.id, one.body) for one in records) == sorted(bodies.items())
