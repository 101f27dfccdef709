"""Bodies of the control API, checked when decoded. Unknown fields are refused: they are typos."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import available_timezones

from msgspec import UNSET, Struct, UnsetType

from libs.simulator.model import ZERO
from libs.simulator.plans import PLANS

Id = int | str
SOME_PRICE = Decimal("9.99")
_MOST_UNITS = 1_000_000_000
_MOST_ORDERS_A_SECOND = 1_000


class _Request(Struct, forbid_unknown_fields=True, rename="camel"):
    pass


class NewLine(_Request):
    price: Decimal
    product_id: Id | None = None
    variant_id: Id | None = None
    title: str | None = None
    quantity: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.quantity <= _MOST_UNITS:
            raise ValueError("quantity must be a whole number from 1")
        if self.variant_id is not None and self.product_id is None:
            raise ValueError("variantId needs its productId")
        _amount("price", self.price)


class NewCustomer(_Request):
    first_name: str
    last_name: str = ""
    email: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()


class CustomerChange(_Request):
    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET


class NewOrder(_Request):
    lines: tuple[NewLine, ...]
    customer_id: Id | None = None
    customer: NewCustomer | None = None
    processed_at: str | None = None
    test: bool = False
    discount: Decimal = ZERO

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError("an order needs at least one line")
        if self.customer is not None and self.customer_id is not None:
            raise ValueError("give customer or customerId, not both")
        _amount("discount", self.discount)


class OrderChange(_Request):
    """An empty change only moves `updatedAt`."""

    lines: tuple[NewLine, ...] | UnsetType = UNSET
    customer_id: Id | UnsetType | None = UNSET
    processed_at: str | UnsetType = UNSET
    test: bool | UnsetType = UNSET
    discount: Decimal | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.lines is not UNSET and not self.lines:
            raise ValueError("an order needs at least one line")
        if self.discount is not UNSET:
            _amount("discount", self.discount)


class RefundedLine(_Request):
    line_id: Id
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError("quantity must be a whole number from 1")


class NewRefund(_Request):
    """Neither amount nor lines: all that is left."""

    amount: Decimal | None = None
    lines: tuple[RefundedLine, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.amount is not None:
            _amount("amount", self.amount)


class Cancellation(_Request):
    reason: str = "customer"

    def __post_init__(self) -> None:
        reasons = ("customer", "declined", "fraud", "inventory", "other", "staff")
        if self.reason not in reasons:
            raise ValueError(f"reason must be one of {', '.join(reasons)}")


class NewProduct(_Request):
    title: str
    price: Decimal = ZERO
    sku: str = ""
    vendor: str = "Simulator"
    product_type: str = ""
    status: str = "active"
    inventory: int = 100

    def __post_init__(self) -> None:
        _amount("price", self.price)
        _status(self.status)


class ProductChange(_Request):
    """Price, sku and inventory are its first variant's."""

    title: str | UnsetType = UNSET
    price: Decimal | UnsetType = UNSET
    sku: str | UnsetType = UNSET
    vendor: str | UnsetType = UNSET
    product_type: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    inventory: int | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.price is not UNSET:
            _amount("price", self.price)
        if self.status is not UNSET:
            _status(self.status)


class CollectionChange(_Request):
    title: str | UnsetType = UNSET
    product_ids: tuple[int | str, ...] | UnsetType = UNSET


class Traffic(_Request):
    per_second: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.per_second <= _MOST_ORDERS_A_SECOND:
            raise ValueError("perSecond must be above 0 and at most 1000")


class ClockChange(_Request):
    """Seconds from the machine's time, or the time it is to be now (UTC unless it says)."""

    offset_seconds: float | UnsetType = UNSET
    at: datetime | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.offset_seconds is UNSET) is (self.at is UNSET):
            raise ValueError("give either offsetSeconds or at")


class ShopChange(_Request):
    name: str | UnsetType = UNSET
    plan: str | UnsetType = UNSET
    zone: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.zone is not UNSET and self.zone not in available_timezones():
            raise ValueError("zone must be an IANA name, like Europe/London")
        if self.plan is not UNSET and self.plan not in PLANS:
            raise ValueError(f"plan must be one of {', '.join(PLANS)}")


def _amount(name: str, amount: Decimal) -> None:
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{name} must be a number, 0 or above")


def _status(status: str) -> None:
    if status not in {"active", "archived", "draft", "unlisted"}:
        raise ValueError("status must be active, archived, draft or unlisted")
