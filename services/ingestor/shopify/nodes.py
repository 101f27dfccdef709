"""The lines of a bulk file as Shopify writes them. `__typename` says which one a line is."""

from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct, field

from libs.common.money import is_money
from services.ingestor.values import (
    ClampedMoment,
    CurrencyCode,
    GlobalId,
    Moment,
    Number,
    Text,
    is_amount,
)

_NO_MONEY = "an amount is no money"


class Amount(Struct, gc=False):
    amount: Decimal

    def __post_init__(self) -> None:
        # Decimal reads NaN and Infinity too. The decoder makes its own error of this one.
        if not is_money(self.amount):
            raise ValueError(_NO_MONEY)


class ShopMoney(Struct, rename="camel", gc=False):
    shop_money: Amount


class BothMoney(Struct, rename="camel", gc=False):
    shop_money: Amount
    presentment_money: Amount | None = None


class Money(Struct, rename="camel", gc=False):
    amount: Decimal
    currency_code: CurrencyCode


class MoneyBag(Struct, rename="camel", gc=False):
    shop_money: Money
    presentment_money: Money


class Reference(Struct, gc=False):
    id: GlobalId


class EmailAddress(Struct, rename="camel", gc=False):
    email_address: Text


class CustomerLine(Struct, rename="camel", tag_field="__typename", tag="Customer", gc=False):
    id: GlobalId
    created_at: Moment | None
    updated_at: Moment
    first_name: Text | None = None
    last_name: Text | None = None
    default_email_address: EmailAddress | None = None


class RefundItem(Struct, rename="camel", gc=False):
    id: GlobalId
    processed_at: ClampedMoment | None
    total_refunded_set: ShopMoney | None
    created_at: ClampedMoment | None = None


class OrderLine(Struct, rename="camel", tag_field="__typename", tag="Order", gc=False):
    id: GlobalId
    name: Text | None
    created_at: Moment | None
    processed_at: ClampedMoment | None
    updated_at: Moment
    test: bool | None
    currency_code: CurrencyCode
    presentment_currency_code: Text | None
    total_price_set: BothMoney
    current_total_price_set: ShopMoney | None
    total_shipping_price_set: ShopMoney | None
    display_fulfillment_status: Text | None = None
    display_financial_status: Text | None = None
    cancelled_at: Moment | None = None
    customer: Reference | None = None
    subtotal_price_set: ShopMoney | None = None
    total_discounts_set: ShopMoney | None = None
    total_tax_set: ShopMoney | None = None
    refunds: list[RefundItem] = field(default_factory=list)


class Allocation(Struct, rename="camel", gc=False):
    allocated_amount_set: ShopMoney


class LineItemLine(Struct, rename="camel", tag_field="__typename", tag="LineItem", gc=False):
    id: GlobalId
    title: Text | None
    quantity: Number
    current_quantity: Number | None
    original_total_set: ShopMoney
    sku: Text | None = None
    product: Reference | None = None
    variant: Reference | None = None
    discount_allocations: list[Allocation] = field(default_factory=list)


class ProductLine(Struct, rename="camel", tag_field="__typename", tag="Product", gc=False):
    id: GlobalId
    title: Text
    created_at: Moment | None
    updated_at: Moment
    handle: Text | None = None
    vendor: Text | None = None
    status: Text | None = None


class VariantLine(Struct, rename="camel", tag_field="__typename", tag="ProductVariant", gc=False):
    id: GlobalId
    price: Decimal | None

    def __post_init__(self) -> None:
        if not is_amount(self.price):
            raise ValueError(_NO_MONEY)


Line: TypeAlias = CustomerLine | OrderLine | LineItemLine | ProductLine | VariantLine
