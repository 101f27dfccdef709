"""What Shopify told us, in our own shape, wherever it came from: a delivery, a page, a bulk file.

Decoders make these; `services.ingestor.store` applies them. Money is in the shop's currency
unless the name says otherwise. Times are aware. A pull makes millions of them, in no circle: the
garbage collector need not look at them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from msgspec import Struct

Entity: TypeAlias = str
"""Customers, orders or products, or a further entity: a name in `kinds.registry.KINDS`."""

ZERO = Decimal(0)


class Customer(Struct, frozen=True, kw_only=True, gc=False):
    id: int
    email: str | None
    first_name: str | None
    last_name: str | None
    created_at: datetime | None
    updated_at: datetime


class OrderLine(Struct, frozen=True, kw_only=True, gc=False):
    """`total` is price times quantity before discounts; `discounts` is what came off it."""

    id: int
    product_id: int | None
    variant_id: int | None
    title: str
    sku: str | None
    quantity: int
    current_quantity: int
    total: Decimal
    discounts: Decimal


class Refund(Struct, frozen=True, kw_only=True, gc=False):
    """`amount` is what the customer got back; None where a delivery tells it in the buyer's
    currency alone. `created_at` is None where it cannot be read. `settles`: its payments are told
    too, so the amount takes the place of an earlier one, as when a pending payment has succeeded;
    `pays`: one of them has.
    """

    id: int
    order_id: int
    created_at: datetime | None
    amount: Decimal | None
    settles: bool = False
    pays: bool = False


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """An order with all its lines; a copy always carries every line.

    `customer` is the copy inside the order's own payload, where it has one: it stands in until
    the customer itself arrives. `subtotal` is goods after discounts. `processed_at` is None where
    no date of the order can be read.
    """

    id: int
    name: str | None
    customer_id: int | None
    customer: Customer | None
    processed_at: datetime | None
    currency: str
    presentment_currency: str | None
    total: Decimal
    current_total: Decimal | None
    presentment_total: Decimal | None
    subtotal: Decimal
    discounts: Decimal
    taxes: Decimal
    shipping: Decimal
    financial_status: str | None
    fulfillment_status: str | None
    test: bool
    cancelled_at: datetime | None
    created_at: datetime | None
    updated_at: datetime
    lines: tuple[OrderLine, ...] = ()
    refunds: tuple[Refund, ...] = ()


class Product(Struct, frozen=True, kw_only=True, gc=False):
    """`price` is the lowest price among its variants."""

    id: int
    title: str
    handle: str | None
    vendor: str | None
    status: str | None
    price: Decimal | None
    created_at: datetime | None
    updated_at: datetime


class Deletion(Struct, frozen=True, kw_only=True, gc=False):
    entity: Entity
    id: int


class Records(Struct, frozen=True, kw_only=True, gc=False):
    """Rows of a further entity. With `owner_id` they are all that this owner has of them."""

    entity: Entity
    rows: tuple[Any, ...]
    owner_id: int | None = None


class Gone(Struct, frozen=True, kw_only=True, gc=False):
    """A row of a further entity is no more."""

    entity: Entity
    key: tuple[int, ...]


Fact: TypeAlias = Customer | Order | Refund | Product | Deletion | Records | Gone


class Observation(Struct, frozen=True, kw_only=True, gc=False):
    """One fact about one tenant's shop, and when Shopify's clock says it was seen.

    `observed_at` is the delivery's triggered-at, the Date header of a page, or the createdAt of
    a bulk operation. `pulled` is true for the last two: only a pull can lift a tombstone.
    """

    tenant_id: UUID
    fact: Fact
    observed_at: datetime
    pulled: bool = False
