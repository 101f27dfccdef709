"""The bodies of the deliveries we map, as far as we use them. Fields not named here are ignored."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, Struct, field

Id: TypeAlias = Annotated[int, Meta(gt=0, le=2**63 - 1)]
Quantity: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Number: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
Currency: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Z]{3,8}\Z")]
"""A code of Shopify's own list: mostly ISO 4217's, but also USDC, and "XXX" for none."""

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

    shop_domain: str | None = None
    myshopify_domain: str | None = None


class Amount(Struct):
    amount: Decimal
    currency_code: str | None = None


class BothMoney(Struct):
    shop_money: Amount
    presentment_money: Amount | None = None


class Coin(Struct, frozen=True):
    currency: str | None = None


class Coins(Struct, frozen=True):
    shop_money: Coin = Coin()
    presentment_money: Coin = Coin()


class CustomerBody(Named, kw_only=True):
    id: Id
    updated_at: Moment
    created_at: Moment | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class EmbeddedCustomer(Struct):
    id: Id
    created_at: Moment | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Allocation(Struct):
    amount: Decimal


class LineBody(Struct):
    id: Id
    price: Decimal
    quantity: Quantity
    current_quantity: Quantity | None = None
    title: str | None = None
    name: str | None = None
    sku: str | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    discount_allocations: list[Allocation] | None = None


class TransactionBody(Struct):
    """`amount` is in `currency`: the buyer's, where the shop sells in several."""

    amount: Decimal | None = None
    currency: str | None = None
    kind: str | None = None
    status: str | None = None
    total_unsettled_set: Coins | None = None


class RefundBody(Named, kw_only=True):
    id: Id
    order_id: Id
    created_at: Moment
    transactions: list[TransactionBody] | None = None
    total_duties_set: BothMoney | None = None


class OrderBody(Named, kw_only=True):
    id: Id
    updated_at: Moment
    currency: Currency
    total_price: Decimal
    line_items: list[LineBody]
    created_at: Moment | None = None
    processed_at: Moment | None = None
    cancelled_at: Moment | None = None
    name: str | None = None
    customer: EmbeddedCustomer | None = None
    presentment_currency: Currency | None = None
    total_price_set: BothMoney | None = None
    current_total_price: Decimal | None = None
    subtotal_price: Decimal | None = None
    total_discounts: Decimal | None = None
    total_tax: Decimal | None = None
    total_shipping_price_set: BothMoney | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    test: bool | None = None
    refunds: list[RefundBody] | None = None


class VariantBody(Struct):
    price: Decimal | None = None


class ProductBody(Named, kw_only=True):
    id: Id
    title: str
    updated_at: Moment
    created_at: Moment | None = None
    handle: str | None = None
    vendor: str | None = None
    status: str | None = None
    variants: list[VariantBody] = field(default_factory=list)


class Person(Struct):
    id: Id
    email: str | None = None


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
