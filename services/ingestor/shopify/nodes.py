"""The lines of a bulk file as Shopify writes them. `__typename` says which one a line is."""

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct, field

from libs.common.money import is_money

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
    presentment_money: Amount


class Money(Struct, rename="camel", gc=False):
    amount: Decimal
    currency_code: str


class MoneyBag(Struct, rename="camel", gc=False):
    shop_money: Money
    presentment_money: Money


class Reference(Struct, gc=False):
    id: str


class EmailAddress(Struct, rename="camel", gc=False):
    email_address: str


class CustomerLine(Struct, rename="camel", tag_field="__typename", tag="Customer", gc=False):
    id: str
    created_at: datetime
    updated_at: datetime
    first_name: str | None = None
    last_name: str | None = None
    default_email_address: EmailAddress | None = None


class RefundItem(Struct, rename="camel", gc=False):
    id: str
    processed_at: datetime
    total_refunded_set: ShopMoney
    created_at: datetime | None = None


class OrderLine(Struct, rename="camel", tag_field="__typename", tag="Order", gc=False):
    id: str
    name: str
    created_at: datetime
    processed_at: datetime
    updated_at: datetime
    test: bool
    currency_code: str
    presentment_currency_code: str
    total_price_set: BothMoney
    current_total_price_set: ShopMoney
    total_shipping_price_set: ShopMoney
    display_fulfillment_status: str | None = None
    display_financial_status: str | None = None
    cancelled_at: datetime | None = None
    customer: Reference | None = None
    subtotal_price_set: ShopMoney | None = None
    total_discounts_set: ShopMoney | None = None
    total_tax_set: ShopMoney | None = None
    refunds: list[RefundItem] = field(default_factory=list)


class Allocation(Struct, rename="camel", gc=False):
    allocated_amount_set: ShopMoney


class LineItemLine(Struct, rename="camel", tag_field="__typename", tag="LineItem", gc=False):
    id: str
    title: str
    quantity: int
    current_quantity: int
    original_total_set: ShopMoney
    sku: str | None = None
    product: Reference | None = None
    variant: Reference | None = None
    discount_allocations: list[Allocation] = field(default_factory=list)


class ProductLine(Struct, rename="camel", tag_field="__typename", tag="Product", gc=False):
    id: str
    title: str
    created_at: datetime
    updated_at: datetime
    handle: str | None = None
    vendor: str | None = None
    status: str | None = None


class VariantLine(Struct, rename="camel", tag_field="__typename", tag="ProductVariant", gc=False):
    id: str
    price: Decimal

    def __post_init__(self) -> None:
        if not is_money(self.price):
            raise ValueError(_NO_MONEY)


Line: TypeAlias = CustomerLine | OrderLine | LineItemLine | ProductLine | VariantLine
