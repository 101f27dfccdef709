"""The bodies of the deliveries we map, as far as we use them. Fields not named here are ignored."""

from decimal import Decimal
from typing import Any, Final

from msgspec import Struct, field

from services.ingestor.values import ClampedMoment, Currency, Id, Moment, Quantity, ShopDomain, Text

ORDER_TOPICS: Final = (
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/fulfilled",
    "orders/partially_fulfilled",
)
"""The body is the order as it is then, with its fulfillments and refunds."""


class Named(Struct):
    """A body may name its shop; then it must be the shop that the delivery came from."""

    shop_domain: ShopDomain | None = None
    myshopify_domain: ShopDomain | None = None


class Amount(Struct):
    amount: Decimal
    currency_code: Text | None = None


class BothMoney(Struct):
    shop_money: Amount
    presentment_money: Amount | None = None


class Coin(Struct, frozen=True):
    currency: Text | None = None


class Coins(Struct, frozen=True):
    shop_money: Coin = Coin()
    presentment_money: Coin = Coin()


class CustomerBody(Named, kw_only=True):
    id: Id
    updated_at: Moment
    created_at: Moment | None = None
    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None


class EmbeddedCustomer(Struct):
    id: Id
    created_at: Moment | None = None
    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None


class Allocation(Struct):
    amount: Decimal


class LineBody(Struct):
    id: Id
    price: Decimal
    quantity: Quantity
    current_quantity: Quantity | None = None
    title: Text | None = None
    name: Text | None = None
    sku: Text | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    discount_allocations: list[Allocation] | None = None


class TransactionBody(Struct):
    """`amount` is in `currency`: the buyer's, where the shop sells in several."""

    amount: Decimal | None = None
    currency: Text | None = None
    kind: Text | None = None
    status: Text | None = None
    total_unsettled_set: Coins | None = None


class RefundBody(Named, kw_only=True):
    id: Id
    order_id: Id
    created_at: ClampedMoment | None
    transactions: list[TransactionBody] | None = None
    total_duties_set: BothMoney | None = None


class OrderBody(Named, kw_only=True):
    id: Id
    updated_at: Moment
    currency: Currency
    total_price: Decimal
    line_items: list[LineBody]
    created_at: Moment | None = None
    processed_at: ClampedMoment | None = None
    cancelled_at: Moment | None = None
    name: Text | None = None
    customer: EmbeddedCustomer | None = None
    presentment_currency: Currency | None = None
    total_price_set: BothMoney | None = None
    current_total_price: Decimal | None = None
    subtotal_price: Decimal | None = None
    total_discounts: Decimal | None = None
    total_tax: Decimal | None = None
    total_shipping_price_set: BothMoney | None = None
    financial_status: Text | None = None
    fulfillment_status: Text | None = None
    test: bool | None = None
    refunds: list[RefundBody] | None = None


class VariantBody(Struct):
    price: Decimal | None = None


class ProductBody(Named, kw_only=True):
    id: Id
    title: Text
    updated_at: Moment
    created_at: Moment | None = None
    handle: Text | None = None
    vendor: Text | None = None
    status: Text | None = None
    variants: list[VariantBody] = field(default_factory=list)


class Person(Struct):
    id: Id
    email: Text | None = None


class _RequestBody(Named, kw_only=True):
    """What privacy law asks always names the shop."""

    shop_id: Id
    shop_domain: str
    customer: Person


class RedactBody(_RequestBody, kw_only=True):
    orders_to_redact: list[Id] = field(default_factory=list)


class DataRequestBody(_RequestBody, kw_only=True):
    orders_requested: list[Id] = field(default_factory=list)


class DeletionBody(Named, kw_only=True, forbid_unknown_fields=True):
    """The id and what Shopify is known to send beside it: no body of another topic."""

    id: Id
    admin_graphql_api_id: Any = None
    tax_exemptions: Any = None
    published_scope: Any = None
