"""What a shop holds. Values never change: a change puts a new value in the old one's place.

So a list of orders taken at one moment is a snapshot, whatever happens later. Times are whole
seconds since 1970 in UTC, as precise as Shopify's own.
"""

import re
from collections.abc import Callable, Iterator, MutableMapping
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from libs.simulator.numbers import FIRST_NEW_NUMBER

ZERO = Decimal("0.00")
_LEFT_UNFULFILLED = 8
"""Of so many old orders one was never sent."""


class Presentment(Struct, frozen=True, gc=False):
    """The currency a buyer saw, when it is not the shop's: its rate and its smallest coin."""

    currency: str
    rate: Decimal
    coin: Decimal

    def of(self, amount: Decimal) -> Decimal:
        return (amount * self.rate).quantize(self.coin, ROUND_HALF_UP)


class Line(Struct, frozen=True, gc=False):
    """One line of an order. `total` is before discounts and may have more than two decimals;
    `discount` is its share of the order's; `removed` units were refunded."""

    id: int
    product_id: int | None
    title: str
    sku: str
    quantity: int
    price: Decimal
    total: Decimal
    discount: Decimal = ZERO
    removed: int = 0
    presentment: Presentment | None = None
    variant_id: int | None = None
    variant_title: str | None = None

    @property
    def left(self) -> int:
        return self.quantity - self.removed

    @property
    def name(self) -> str:
        return self.title if self.variant_title is None else f"{self.title} - {self.variant_title}"


class RefundLine(Struct, frozen=True, gc=False):
    """`restocked` goods are on the shelf again."""

    id: int
    line_id: int
    quantity: int
    subtotal: Decimal
    restocked: bool = False


class Refund(Struct, frozen=True, gc=False):
    """One without an `amount` took goods back and paid nothing."""

    id: int
    created_at: int
    amount: Decimal
    note: str
    lines: tuple[RefundLine, ...] = ()

    @property
    def transaction_id(self) -> int:
        return self.id + 2


class Order(Struct, frozen=True, gc=False):
    id: int
    number: int
    name: str
    customer_id: int | None
    created_at: int
    processed_at: int
    updated_at: int
    total: Decimal
    lines: tuple[Line, ...]
    discount: Decimal = ZERO
    original_total: Decimal | None = None
    cancelled_at: int | None = None
    cancel_reason: str | None = None
    test: bool = False
    refunds: tuple[Refund, ...] = ()
    presentment: Presentment | None = None
    fulfilled_at: int | None = None

    @property
    def refunded(self) -> Decimal:
        return sum((refund.amount for refund in self.refunds), ZERO) if self.refunds else ZERO

    @property
    def current_total(self) -> Decimal:
        return self.total - self.refunded if self.refunds else self.total

    @property
    def financial_status(self) -> str:
        if not self.refunds:
            return "paid"
        refunded = self.refunded
        if not refunded:
            return "paid"
        return "refunded" if refunded >= self.total else "partially_refunded"

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def is_fulfilled(self) -> bool:
        if self.fulfilled_at is not None:
            return True
        old = self.id < FIRST_NEW_NUMBER
        return old and self.cancelled_at is None and self.id % _LEFT_UNFULFILLED > 0

    @property
    def fulfillment_status(self) -> str:
        return "fulfilled" if self.is_fulfilled else "unfulfilled"


class Customer(Struct, frozen=True, gc=False):
    id: int
    first_name: str
    last_name: str
    email: str | None
    created_at: int
    updated_at: int
    note: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


DEFAULT_TITLE = "Default Title"
"""How the only variant of a product without options is called."""


class Variant(Struct, frozen=True, gc=False):
    id: int
    product_id: int
    sku: str
    price: Decimal
    created_at: int
    updated_at: int
    title: str = DEFAULT_TITLE
    position: int = 1
    inventory: int = 100

    @property
    def shown_title(self) -> str | None:
        """As an order line names it."""
        return None if self.title == DEFAULT_TITLE else self.title

    @property
    def inventory_item_id(self) -> int:
        return self.id + 1


class Product(Struct, frozen=True, gc=False):
    """`option` is what its variants differ in."""

    id: int
    title: str
    variants: tuple[Variant, ...]
    created_at: int
    updated_at: int
    vendor: str = "Simulator"
    product_type: str = ""
    status: str = "active"
    option: str = "Title"

    @property
    def handle(self) -> str:
        return slug(self.title) or f"product-{self.id}"

    @property
    def inventory(self) -> int:
        return sum(variant.inventory for variant in self.variants)

    @property
    def has_default_variant(self) -> bool:
        return [variant.title for variant in self.variants] == [DEFAULT_TITLE]

    def variant(self, number: int | None) -> Variant | None:
        return next((variant for variant in self.variants if variant.id == number), None)


class Collection(Struct, frozen=True, gc=False):
    """Filled by hand: the products in it, in its order, some of which may be gone."""

    id: int
    title: str
    product_ids: tuple[int, ...]
    created_at: int
    updated_at: int

    @property
    def handle(self) -> str:
        return slug(self.title) or f"collection-{self.id}"


class ShopFacts(Struct, frozen=True):
    id: int
    domain: str
    name: str
    currency: str
    zone: str
    created_at: int
    updated_at: int
    plan: str = "development"

    @property
    def email(self) -> str:
        return f"owner@{self.domain.removesuffix('.myshopify.com')}.example.com"


class GeneratedShop(Struct, frozen=True):
    """A shop that is made up: everything in it follows from these values alone.

    Its orders came in during the two years before `anchor`.
    """

    seed: int
    size: int
    domain: str = "bluebird-supply.myshopify.com"
    currency: str = "EUR"
    zone: str = "America/New_York"
    anchor: int = 1_793_505_600
    """2026-11-01 at midnight in New York."""
    lines: int | None = None
    """How many lines each order has; unless given, 1.75 on the average."""


Pick = tuple[int, str, str, int, Decimal, Decimal, int, int, str | None]
"""Product, title, sku, quantity, price, total, total in cents, variant and its title."""
Sale = tuple[bool, int, int | None, list[Pick], int, int, int]
"""Test, moment, customer, picks, goods and discount in cents, and the chance that made it."""


class ShopContents(Struct):
    """What a shop begins with, keyed by Shopify's number: read from a file, or made on demand."""

    orders: MutableMapping[int, Order]
    customers: MutableMapping[int, Customer]
    products: MutableMapping[int, Product]
    collections: tuple[Collection, ...]
    last_order_number: int
    began: int | None
    """When the first order came in."""
    sales: Callable[[], Iterator[Sale]] | None = None
    """All that was sold, faster than by making the orders; None where there is no such way."""
