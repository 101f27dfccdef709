"""A line of Shopify's export becomes the fact it tells of: exact money, our words, real ids."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.ingestor.facts import Customer, Order, OrderLine, Product, Refund
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.jsonl import Joined

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


def test_an_order_keeps_every_digit_and_its_lines_and_refunds():
    order = decode("orders", Joined(_bytes(_order()), [_bytes(_line_item())]))
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
    order = decode("orders", Joined(_bytes(_order(displayFulfillmentStatus=shopify)), []))
    assert isinstance(order, Order)
    assert order.fulfillment_status == ours


def test_a_guest_order_has_no_customer():
    order = decode("orders", Joined(_bytes(_order(customer=None)), []))
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
    assert decode("customers", Joined(_bytes(line), [])) == Customer(
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
    product = decode("products", Joined(_bytes(_product()), [_variant(price) for price in prices]))
    assert isinstance(product, Product)
    assert product.price == lowest
    assert product.status == "active"


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "Order/1"},
        {"totalPriceSet": {"shopMoney": {"amount": "ten"}}},
        {"updatedAt": "yesterday"},
        {"__typename": "Metaobject"},
    ],
)
def test_a_line_of_another_shape_is_an_error_that_shows_none_of_it(broken: dict[str, Any]):
    with pytest.raises(AnswerUnreadableError) as caught:
        decode("orders", Joined(_bytes(_order(**broken)), []))
    assert "1001" not in str(caught.value)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1e400"])
def test_an_amount_that_is_no_money_is_refused_wherever_it_stands(amount: str):
    """It would spoil every sum it enters."""
    for broken in (
        {"totalPriceSet": _order()["totalPriceSet"] | {"presentmentMoney": {"amount": amount}}},
        {"totalTaxSet": _money(amount)},
        {"refunds": [_order()["refunds"][0] | {"totalRefundedSet": _money(amount)}]},
    ):
        with pytest.raises(AnswerUnreadableError):
            decode("orders", Joined(_bytes(_order(**broken)), []))
    with pytest.raises(AnswerUnreadableError):
        decode("products", Joined(_bytes(_product()), [_variant("1.00"), _variant(amount)]))
