"""A line of Shopify's export becomes the fact it tells of: exact money, our words, real ids."""

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from services.ingestor.facts import Customer, Fact, Order, OrderLine, Product, Refund
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.jsonl import Joined

_SEEN = datetime(2026, 3, 9, tzinfo=UTC)
BIG = 820982911946154508


def _bytes(value: dict[str, Any]) -> bytes:
    return (json.dumps(value).replace("/", "\\/") + "\n").encode()


def _money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount}}


def _order(**changes: Any) -> dict[str, Any]:
    return {
        "__typename": "Order",
        "id": f"gid://shopify/Order/{BIG}",
        "name": "#1001",
        "createdAt": "2026-03-01T10:00:00Z",
        "processedAt": "2026-03-01T09:59:00Z",
        "updatedAt": "2026-03-02T10:00:00Z",
        "cancelledAt": None,
        "test": False,
        "displayFinancialStatus": "PARTIALLY_REFUNDED",
        "displayFulfillmentStatus": "UNFULFILLED",
        "currencyCode": "GBP",
        "presentmentCurrencyCode": "EUR",
        "customer": {"id": "gid://shopify/Customer/7"},
        "totalPriceSet": {
            "shopMoney": {"amount": "10.10"},
            "presentmentMoney": {"amount": "12.34"},
        },
        "currentTotalPriceSet": _money("8.05"),
        "subtotalPriceSet": _money("9.0"),
        "totalDiscountsSet": _money("0.125"),
        "totalTaxSet": None,
        "totalShippingPriceSet": _money("1.10"),
        "refunds": [
            {
                "id": "gid://shopify/Refund/9",
                "createdAt": None,
                "processedAt": "2026-03-02T08:00:00Z",
                "totalRefundedSet": _money("2.05"),
            }
        ],
        **changes,
    }


def _line_item(**changes: Any) -> dict[str, Any]:
    return {
        "__typename": "LineItem",
        "id": "gid://shopify/LineItem/3",
        "title": 'Müller 田中 "x"/y',
        "sku": None,
        "quantity": 3,
        "currentQuantity": 2,
        "product": {"id": "gid://shopify/Product/5"},
        "variant": None,
        "originalTotalSet": _money("9.125"),
        "discountAllocations": [
            {"allocatedAmountSet": _money("0.1")},
            {"allocatedAmountSet": _money("0.025")},
        ],
        "__parentId": f"gid://shopify/Order/{BIG}",
        **changes,
    }


def _decoded(entity: str, joined: Joined) -> Fact | None:
    unreadable: Counter[str] = Counter()
    fact = decode(entity, joined, _SEEN, unreadable)
    assert not unreadable
    return fact


def _odd(entity: str, joined: Joined) -> tuple[Any, Counter[str]]:
    unreadable: Counter[str] = Counter()
    return decode(entity, joined, _SEEN, unreadable), unreadable


def test_an_order_keeps_every_digit_and_its_lines_and_refunds():
    order = _decoded("orders", Joined(_bytes(_order()), [_bytes(_line_item())]))
    assert order == Order(
        id=BIG,
        name="#1001",
        customer_id=7,
        customer=None,
        processed_at=datetime(2026, 3, 1, 9, 59, tzinfo=UTC),
        currency="GBP",
        presentment_currency="EUR",
        total=Decimal("10.10"),
        current_total=Decimal("8.05"),
        presentment_total=Decimal("12.34"),
        subtotal=Decimal("9.0"),
        discounts=Decimal("0.125"),
        taxes=Decimal(0),
        shipping=Decimal("1.10"),
        financial_status="partially_refunded",
        fulfillment_status=None,
        test=False,
        cancelled_at=None,
        created_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
        updated_at=datetime(2026, 3, 2, 10, tzinfo=UTC),
        lines=(
            OrderLine(
                id=3,
                product_id=5,
                variant_id=None,
                title='Müller 田中 "x"/y',
                sku=None,
                quantity=3,
                current_quantity=2,
                total=Decimal("9.125"),
                discounts=Decimal("0.125"),
            ),
        ),
        refunds=(
            Refund(
                id=9,
                order_id=BIG,
                created_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
                amount=Decimal("2.05"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("shopify", "ours"),
    [("FULFILLED", "fulfilled"), ("PARTIALLY_FULFILLED", "partial"), ("UNFULFILLED", None)],
)
def test_a_fulfilment_has_the_word_that_deliveries_use(shopify: str, ours: str | None):
    order = _decoded("orders", Joined(_bytes(_order(displayFulfillmentStatus=shopify)), []))
    assert isinstance(order, Order)
    assert order.fulfillment_status == ours


def test_a_guest_order_has_no_customer():
    order = _decoded("orders", Joined(_bytes(_order(customer=None)), []))
    assert isinstance(order, Order)
    assert order.customer_id is None


def test_a_customer_may_have_neither_name_nor_address():
    line = {
        "__typename": "Customer",
        "id": "gid://shopify/Customer/7",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-02T00:00:00Z",
        "firstName": None,
        "lastName": None,
        "defaultEmailAddress": None,
    }
    assert _decoded("customers", Joined(_bytes(line), [])) == Customer(
        id=7,
        email=None,
        first_name=None,
        last_name=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def _product() -> dict[str, Any]:
    return {
        "__typename": "Product",
        "id": "gid://shopify/Product/5",
        "title": "A thing",
        "handle": "a-thing",
        "vendor": "Us",
        "status": "ACTIVE",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-02T00:00:00Z",
    }


def _variant(price: str) -> bytes:
    return _bytes(
        {
            "__typename": "ProductVariant",
            "id": "gid://shopify/ProductVariant/1",
            "price": price,
            "__parentId": "gid://shopify/Product/5",
        }
    )


@pytest.mark.parametrize(
    ("prices", "lowest"), [(["10.00", "9.50", "100.0"], Decimal("9.50")), ([], None)]
)
def test_a_product_costs_what_its_cheapest_variant_costs(prices: list[str], lowest: Decimal | None):
    product = _decoded(
        "products", Joined(_bytes(_product()), [_variant(price) for price in prices])
    )
    assert isinstance(product, Product)
    assert product.price == lowest
    assert product.status == "active"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"id": "Order/1"}, "id"),
        ({"totalPriceSet": {"shopMoney": {"amount": "ten"}}}, "totalPriceSet.shopMoney.amount"),
        ({"totalPriceSet": None}, "totalPriceSet"),
        ({"currencyCode": 5}, "currencyCode"),
        ({"__typename": "Metaobject"}, "$"),
    ],
)
def test_a_line_without_what_it_needs_is_counted_and_left_out(broken: dict[str, Any], field: str):
    fact, unreadable = _odd("orders", Joined(_bytes(_order(**broken)), []))
    assert fact is None
    assert unreadable == {field: 1}


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1e400"])
def test_an_amount_that_is_no_money_is_left_out_wherever_it_stands(amount: str):
    """It would spoil every sum it enters."""
    whole = _decoded("orders", Joined(_bytes(_order()), []))
    assert isinstance(whole, Order)
    [refund] = whole.refunds
    for broken, kept in (
        (
            {"totalPriceSet": _order()["totalPriceSet"] | {"presentmentMoney": {"amount": amount}}},
            {"presentment_total": None},
        ),
        ({"totalTaxSet": _money(amount)}, {"taxes": Decimal(0)}),
        (
            {"refunds": [_order()["refunds"][0] | {"totalRefundedSet": _money(amount)}]},
            {"refunds": (replace(refund, amount=None),)},
        ),
    ):
        fact, unreadable = _odd("orders", Joined(_bytes(_order(**broken)), []))
        assert fact == replace(whole, **kept)
        assert sum(unreadable.values()) == 1
    lines = Joined(_bytes(_product()), [_variant("1.00"), _variant(amount)])
    product, _ = _odd("products", lines)
    assert product.price == Decimal("1.00")


def test_a_time_of_change_that_cannot_be_read_is_that_of_the_observation():
    fact, unreadable = _odd("orders", Joined(_bytes(_order(updatedAt="yesterday")), []))
    assert fact.updated_at == _SEEN
    assert unreadable == {"updatedAt": 1}


@pytest.mark.parametrize("line", [b"{", b"\xff"])
def test_a_line_that_is_no_json_is_an_error(line: bytes):
    with pytest.raises(AnswerUnreadableError):
        decode("orders", Joined(_bytes(_order()), [line]), _SEEN, Counter())
