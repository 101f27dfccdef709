"""Delivery bodies as Shopify writes them, cut to what a test is about."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson
from msgspec.structs import asdict

from libs.common.messaging.records import DeliveryRecord
from services.ingestor.deliveries.decode import decode_delivery
from services.ingestor.facts import Fact
from services.ingestor.values import EARLIEST, LATEST, MAX_TEXT_LENGTH
from tests.factories import delivery

TENANT = UUID("01932b6c-0000-7000-8000-000000000001")


def record(topic: str, body: Any, **values: Any) -> DeliveryRecord:
    """`body` as bytes goes as it is, anything else as JSON."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    defaults: dict[str, Any] = {
        "time": datetime(2026, 3, 7, 12, tzinfo=UTC),
        "tenant_id": TENANT,
        "body": raw,
    }
    return delivery("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", topic, **(defaults | values))


def facts_in(topic: str, body: Any) -> Sequence[Fact]:
    return decode_delivery(record(topic, body)).facts


def order_body(**values: Any) -> dict[str, Any]:
    return {
        "id": 820982911946154508,
        "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
        "name": "#1001",
        "created_at": "2026-03-07T07:00:00-05:00",
        "processed_at": "2026-03-07T07:00:00-05:00",
        "updated_at": "2026-03-07T07:00:01-05:00",
        "cancelled_at": None,
        "currency": "USD",
        "presentment_currency": "EUR",
        "total_price": "404.95",
        "total_price_set": {
            "shop_money": {"amount": "404.95", "currency_code": "USD"},
            "presentment_money": {"amount": "372.10", "currency_code": "EUR"},
        },
        "current_total_price": "400.00",
        "subtotal_price": "394.95",
        "total_discounts": "20.00",
        "total_tax": "1.05",
        "total_shipping_price_set": {"shop_money": {"amount": "10.00", "currency_code": "USD"}},
        "financial_status": "paid",
        "fulfillment_status": None,
        "test": False,
        "customer": {
            "id": 115310627314723954,
            "email": "john@example.com",
            "first_name": "John",
            "last_name": "Smith",
            "created_at": None,
            "updated_at": None,
        },
        "line_items": [
            {
                "id": 487817672276298554,
                "product_id": 788032119674292922,
                "variant_id": None,
                "title": "Aviator sunglasses",
                "sku": "SKU2006-001",
                "price": "89.99",
                "quantity": 3,
                "current_quantity": 2,
                "discount_allocations": [{"amount": "5.00"}, {"amount": "0.50"}],
            }
        ],
        "refunds": [],
    } | values


def transaction_body(number: int = 1, **values: Any) -> dict[str, Any]:
    coins = {"amount": "0.0", "currency": "USD"}
    return {
        "id": 245135271310201000 + number,
        "order_id": 820982911946154508,
        "kind": "refund",
        "gateway": "bogus",
        "status": "success",
        "created_at": "2026-03-08T07:00:00-05:00",
        "processed_at": "2026-03-08T07:00:00-05:00",
        "test": False,
        "parent_id": None,
        "amount": "75.00",
        "currency": "USD",
        "total_unsettled_set": {"shop_money": coins, "presentment_money": coins},
    } | values


def refund_body(**values: Any) -> dict[str, Any]:
    return {
        "id": 890088186047892319,
        "order_id": 820982911946154508,
        "created_at": "2026-03-08T07:00:00-05:00",
        "refund_line_items": [],
        "transactions": [
            transaction_body(1),
            transaction_body(2, amount="10.00"),
            transaction_body(3, amount="99.00", status="failure"),
            transaction_body(4, amount="88.00", kind="void"),
        ],
    } | values


def customer_body(**values: Any) -> dict[str, Any]:
    return {
        "id": 706405506930370084,
        "email": "bob@example.com",
        "first_name": "Bob",
        "last_name": "Müller 田中",
        "created_at": "2026-03-07T07:00:00-05:00",
        "updated_at": "2026-03-07T12:00:00Z",
    } | values


def variant_body(number: int, price: str) -> dict[str, Any]:
    return {"id": number, "price": price, "updated_at": "2026-03-07T12:00:00Z"}


def product_body(**values: Any) -> dict[str, Any]:
    return {
        "id": 788032119674292922,
        "title": "Cup",
        "handle": "cup",
        "vendor": "Acme",
        "status": "active",
        "created_at": None,
        "updated_at": "2026-03-07T12:00:00Z",
        "variants": [variant_body(1, "24.99"), variant_body(2, "19.99")],
    } | values


def assert_storable(facts: Any) -> None:
    """PostgreSQL and the driver take every single value in `facts`."""
    for value in _values(facts):
        match value:
            case str():
                value.encode()
                assert "\0" not in value
                assert len(value) <= MAX_TEXT_LENGTH
            case int():
                assert -(2**63) <= value < 2**63
            case datetime():
                assert EARLIEST <= value.astimezone(UTC) <= LATEST


def _values(found: Any) -> Iterator[Any]:
    """Every single value in facts."""
    if isinstance(found, msgspec.Struct):
        found = tuple(asdict(found).values())
    if isinstance(found, tuple | list):
        for each in found:
            yield from _values(each)
    else:
        yield found
