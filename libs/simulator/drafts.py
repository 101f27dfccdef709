"""Orders that are not placed, or were not at first: draft orders and abandoned checkouts.

Each is derived from an order the shop began with, whose lines and customer it shares.
"""

from collections.abc import Sequence

from msgspec import Struct

from libs.simulator.field_kinds import (
    NO,
    NOTHING,
    YES,
    Constant,
    Fields,
    Filled,
    Found,
    Id,
    OfShop,
    Same,
    Time,
    ids,
)
from libs.simulator.model import ZERO, Order, Presentment
from libs.simulator.money_fields import MoneyField, no_money, seen_currency

_STATES = ("OPEN", "INVOICE_SENT", "COMPLETED")
_RECOVERED = 4
_BEFORE_SECONDS = 1_800
"""How long before its order a draft or a checkout was begun."""


class Draft(Struct, frozen=True):
    order: Order
    place: int

    @property
    def id(self) -> int:
        return self.order.id

    @property
    def name(self) -> str:
        return f"#D{self.place + 1}"

    @property
    def status(self) -> str:
        return _STATES[self.place % len(_STATES)]

    @property
    def created_at(self) -> int:
        return self.order.created_at - _BEFORE_SECONDS

    @property
    def completed_at(self) -> int | None:
        return self.order.created_at if self.status == "COMPLETED" else None

    @property
    def updated_at(self) -> int:
        return self.completed_at or self.created_at

    @property
    def placed_id(self) -> int | None:
        """The number of the order that came of it."""
        return self.order.id if self.status == "COMPLETED" else None

    @property
    def presentment(self) -> Presentment | None:
        return self.order.presentment


class Checkout(Struct, frozen=True):
    """One in four was recovered: its order came after all."""

    order: Order
    place: int

    @property
    def id(self) -> int:
        return self.order.id

    @property
    def name(self) -> str:
        return f"#C{self.place + 1}"

    @property
    def created_at(self) -> int:
        return self.order.created_at - _BEFORE_SECONDS

    @property
    def completed_at(self) -> int | None:
        return None if self.place % _RECOVERED else self.order.created_at

    @property
    def updated_at(self) -> int:
        return self.completed_at or self.created_at

    @property
    def presentment(self) -> Presentment | None:
        return self.order.presentment


def drafts_of(samples: Sequence[Order]) -> list[Draft]:
    return [Draft(order, place) for place, order in enumerate(samples[::2])]


def checkouts_of(samples: Sequence[Order]) -> list[Checkout]:
    return [Checkout(order, place) for place, order in enumerate(samples[1::2])]


_COMMON: Fields = {
    "name": Same("name"),
    "createdAt": Time("created_at"),
    "updatedAt": Time("updated_at"),
    "completedAt": Time("completed_at"),
    "customer": Found("customers", "order.customer_id"),
    "taxesIncluded": NO,
    "totalPriceSet": MoneyField("order.total"),
    "subtotalPriceSet": MoneyField("order.total"),
    "totalTaxSet": no_money,
}
_LINE: Fields = {
    "title": Same("title"),
    "variantTitle": Same("variant_title"),
    "sku": Filled("sku"),
    "quantity": Same("quantity"),
    "product": Found("products", "product_id"),
    "variant": Found("variants", "variant_id"),
    "originalUnitPriceSet": MoneyField("price"),
}

DRAFTS: dict[str, Fields] = {
    "DraftOrder": {
        **ids("DraftOrder"),
        **_COMMON,
        "status": Same("status"),
        "order": Found("orders", "placed_id"),
        "currencyCode": OfShop(lambda context: context.shop.facts.currency),
        "presentmentCurrencyCode": lambda context, draft: seen_currency(context, draft.order),
        "invoiceSentAt": lambda context, draft: (
            Time("created_at")(context, draft) if draft.status == "INVOICE_SENT" else None
        ),
        "ready": YES,
        "note2": NOTHING,
        "tags": Constant(()),
        "totalQuantityOfLineItems": Same("order.units"),
        "totalShippingPriceSet": no_money,
        "totalDiscountsSet": MoneyField("order.discount"),
    },
    "DraftOrderLineItem": {
        **_LINE,
        "id": Id("DraftOrderLineItem"),
        "name": Same("name"),
        "custom": lambda _, line: line.variant_id is None,
        "originalTotalSet": MoneyField("total"),
        "discountedTotalSet": MoneyField("total"),
    },
    "AbandonedCheckout": {
        **_COMMON,
        "id": Id("AbandonedCheckout"),
        "abandonedCheckoutUrl": lambda context, checkout: (
            f"https://{context.shop.domain}/checkouts/{checkout.id}/recover"
        ),
        "discountCodes": Constant(()),
        "note": Constant(""),
        "totalDiscountSet": MoneyField("order.discount"),
        "totalLineItemsPriceSet": lambda _, checkout: sum(
            (line.total for line in checkout.order.lines), ZERO
        ),
    },
    "AbandonedCheckoutLineItem": {
        **_LINE,
        "id": Id("AbandonedCheckoutLineItem"),
        "originalTotalPriceSet": MoneyField("total"),
        "discountedTotalPriceSet": MoneyField("total"),
        "discountedUnitPriceSet": MoneyField("price"),
    },
}
