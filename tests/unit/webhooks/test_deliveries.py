"""Only what Shopify signed, for a shop and a topic that are well formed, is a delivery."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.clock import utc_now
from libs.common.errors import (
    InvalidInputError,
    InvalidShopDomainError,
    SignatureInvalidError,
    TopicMismatchError,
)
from libs.common.security_events import SecurityEvent
from services.webhooks.deliveries import (
    Headers,
    SignatureRefusedError,
    check_body,
    is_webhook_path,
    read_attributes,
    read_signature,
    read_time,
)

# (secret, body, base64 signature): W1, D3, D4 and D5 of the protocol notes.
W1 = ("test_secret_key", b'{"foo": "bar"}', b"B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=")
D3 = (
    "hush",
    '{"id":820982911946154508,"note":"café & \\/"}'.encode(),
    b"h4mOnWFw0/MOPXO4Qds2Imv5X7s039GSuAQ9mgrRkR8=",
)
D4 = ("hush", b"", b"Knm8rWjeSXNIt2H0AOMT7DQ8/YSy8sQi/pEjbuUmGMs=")
D5 = (
    "hush",
    b'{"note":"Tom \\u0026 Jerry","url":"https:\\/\\/x.example\\/a"}',
    b"bQ0/2QmV/u8fftmwrYOgWAJwvhDsycQauyncW++vsvo=",
)
OBJECTS = pytest.mark.parametrize(("secret", "body", "signature"), [W1, D3, D5])
VECTORS = pytest.mark.parametrize(("secret", "body", "signature"), [W1, D3, D4, D5])


def headers(**changes: str | None) -> Headers:
    """Of a good delivery; an argument changes one, None takes it away."""
    given: dict[str, str | None] = {
        "topic": "orders/create",
        "shop_domain": "some-shop.myshopify.com",
        "webhook_id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "event_id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "triggered_at": "2026-11-20T16:15:47.123456Z",
        **changes,
    }
    return {
        b"x-shopify-" + name.replace("_", "-").encode(): value.encode("latin-1")
        for name, value in given.items()
        if value is not None
    }


@OBJECTS
@pytest.mark.parametrize("name", [b"x-shopify-hmac-sha256", b"shopify-hmac-sha256"])
def test_a_genuine_signature_is_accepted(secret: str, body: bytes, signature: bytes, name: bytes):
    check_body(body, read_signature({name: signature}), [secret])


@OBJECTS
def test_an_older_secret_is_accepted_during_a_rotation(secret: str, body: bytes, signature: bytes):
    check_body(body, signature, ["new secret", secret])


@VECTORS
def test_an_altered_body_is_refused(secret: str, body: bytes, signature: bytes):
    for altered in (body + b" ", b"{" + body + b"}"):
        with pytest.raises(SignatureRefusedError) as refusal:
            check_body(altered, signature, [secret])
        assert refusal.value.event is SecurityEvent.DELIVERY_UNSIGNED


@pytest.mark.parametrize(("secret", "body", "signature"), [D3, D5])
def test_a_body_that_was_parsed_and_written_again_is_refused(
    secret: str, body: bytes, signature: bytes
):
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert again != body
    with pytest.raises(SignatureInvalidError):
        check_body(again, signature, [secret])


def test_a_genuine_signature_of_no_object_is_refused_as_a_forgery():
    with pytest.raises(SignatureRefusedError) as refusal:
        check_body(D4[1], D4[2], [D4[0]])
    assert refusal.value.event is SecurityEvent.DELIVERY_FORGED


@pytest.mark.parametrize(
    "signature",
    [
        None,
        b"",
        b"AAAA",
        "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g\u00e9".encode("latin-1"),
        "\uff22\uff22".encode(),
        W1[2] + b"=",
        W1[2][:-1] + b"\n",
        W1[2].replace(b"0", b"_"),
        base64.b64decode(W1[2]).hex().encode(),
    ],
)
def test_a_signature_of_another_form_is_refused_before_there_is_a_body(signature: bytes | None):
    given = {} if signature is None else {b"x-shopify-hmac-sha256": signature}
    with pytest.raises(SignatureInvalidError):
        read_signature(given)


@pytest.mark.parametrize("signature", [b"A" * 43 + b"=", W1[2].lower()])
def test_a_forged_signature_is_refused(signature: bytes):
    with pytest.raises(SignatureInvalidError):
        check_body(W1[1], read_signature({b"x-shopify-hmac-sha256": signature}), [W1[0]])


def test_the_headers_are_read_with_and_without_x():
    with_x = headers()
    without = {name.removeprefix(b"x-"): value for name, value in with_x.items()}
    attributes = read_attributes(with_x, "/webhooks")
    assert attributes == read_attributes(without, "/webhooks")
    assert attributes.id == "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
    assert attributes.event_id == "98880550-7158-44d4-b7cd-2c97c8a091b5"
    assert attributes.triggered_at == datetime(2026, 11, 20, 16, 15, 47, 123456, UTC)


@pytest.mark.parametrize("name", ["topic", "shop_domain", "webhook_id"])
def test_a_missing_header_is_named(name: str):
    with pytest.raises(InvalidInputError) as refusal:
        read_attributes(headers(**{name: None}), "/webhooks")
    missing = f"X-Shopify-{name.replace('_', '-')}".lower()
    assert [one.lower() for one in refusal.value.context["details"]["missing"]] == [missing]


@pytest.mark.parametrize(
    "domain",
    [
        "some-shop.myshopify.com\n",
        "some-shop.myshopify.com\r\nx",
        "evil.com/.myshopify.com",
        "evil.com#.myshopify.com",
        "some-shop.myshopify.com.evil.com",
        "evil.com",
        ".myshopify.com",
        "-shop.myshopify.com",
        "sh\u00f6p.myshopify.com",
        "shop.myshopify.c\u00f3m",
        "a" * 250 + ".myshopify.com",
    ],
)
def test_what_only_looks_like_a_shop_is_refused(domain: str):
    with pytest.raises(InvalidShopDomainError):
        read_attributes(headers(shop_domain=domain), "/webhooks")


def test_a_unicode_look_alike_is_refused():
    given = dict(headers())
    given[b"x-shopify-shop-domain"] = "\u0455ome-shop.myshopify.com".encode()
    with pytest.raises(InvalidShopDomainError):
        read_attributes(given, "/webhooks")


def test_a_shop_in_capitals_is_the_same_shop():
    attributes = read_attributes(headers(shop_domain="Some-Shop.myshopify.com"), "/webhooks")
    assert attributes.shop_domain == "some-shop.myshopify.com"


@pytest.mark.parametrize(
    "topic",
    [
        "customer.tags_added",
        "customer.joined_segment",
        "a/b/c",
        "orders",
        "Orders/Create",
        "x" * 128,
    ],
)
@pytest.mark.parametrize("prefix", ["/webhooks", "/webhooks/"])
def test_a_topic_of_any_printable_form_is_accepted(topic: str, prefix: str):
    path = f"{prefix}{topic}" if prefix.endswith("/") else prefix
    assert read_attributes(headers(topic=topic), path).topic == topic


@pytest.mark.parametrize("topic", ["a b/c", "a/b\n", "a\x00", "caf\u00e9/create", "x" * 129])
def test_a_topic_that_is_no_plain_text_is_refused(topic: str):
    with pytest.raises(InvalidInputError):
        read_attributes(headers(topic=topic), "/webhooks")


@pytest.mark.parametrize("delivery_id", ["a b", "a\n", "\u00e9", "x" * 129])
def test_a_webhook_id_that_is_no_plain_text_is_refused(delivery_id: str):
    with pytest.raises(InvalidInputError):
        read_attributes(headers(webhook_id=delivery_id), "/webhooks")


@pytest.mark.parametrize(
    ("path", "topic"),
    [
        ("/webhooks", "orders/create"),
        ("/webhooks/", "orders/create"),
        ("/webhooks/orders/create", "orders/create"),
        ("/webhooks/orders/create/", "orders/create"),
        ("/webhooks/orders/update", "orders/updated"),
        ("/webhooks/orders/updated", "orders/updated"),
        ("/webhooks/compliance", "shop/redact"),
        ("/webhooks/compliance", "customers/redact"),
        ("/webhooks/compliance/", "customers/data_request"),
        ("/webhooks/shop/redact", "shop/redact"),
    ],
)
def test_a_path_that_names_the_topic_or_none_is_accepted(path: str, topic: str):
    assert read_attributes(headers(topic=topic), path).topic == topic


@pytest.mark.parametrize(
    ("path", "topic"),
    [
        ("/webhooks/orders/create", "orders/updated"),
        ("/webhooks/orders/update", "orders/update"),
        ("/webhooks/orders", "orders/create"),
        ("/webhooks/compliance", "orders/create"),
        ("/webhooks/orders/create/more", "orders/create"),
    ],
)
def test_a_path_that_names_another_topic_is_refused(path: str, topic: str):
    with pytest.raises(TopicMismatchError):
        read_attributes(headers(topic=topic), path)


@pytest.mark.parametrize("path", ["/webhooksx", "/", "/webhook", "/other/webhooks"])
def test_other_paths_are_not_ours(path: str):
    assert not is_webhook_path(path)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-20T10:00:00", "0001-01-01T00:00:00+14:00", "\u00b2"]
)
def test_a_time_that_cannot_be_read_is_now(text: str):
    before = utc_now()
    assert before <= read_time(text) <= utc_now()


def test_a_time_that_lies_ahead_is_now():
    ahead = (utc_now() + timedelta(hours=3)).isoformat()
    assert read_time(ahead) <= utc_now()


def test_a_time_with_another_offset_is_in_utc():
    assert read_time("2026-11-20T11:15:47-05:00").isoformat() == "2026-11-20T16:15:47+00:00"


def test_an_event_id_that_is_no_plain_text_is_left_out():
    assert read_attributes(headers(event_id="a b"), "/webhooks").event_id is None


def test_a_trace_is_passed_on_only_when_well_formed():
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for given, expected in ((good, good), ("00-what-ever", None)):
        with_trace = {**headers(), b"traceparent": given.encode()}
        assert read_attributes(with_trace, "/webhooks").traceparent == expected
