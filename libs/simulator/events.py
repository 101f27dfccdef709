"""What a shop's history shows as events: made products, placed and cancelled orders.

They are read off what the shop holds. What was deleted leaves none, unlike at Shopify.
"""

from collections.abc import Iterator

from msgspec import Struct

from libs.simulator.model import Order, Product
from libs.simulator.numbers import stable_number

_ID_BITS = 32


class Event(Struct, frozen=True):
    id: int
    created_at: int
    subject_id: int
    subject_type: str
    verb: str
    message: str


def events_of_order(order: Order) -> Iterator[Event]:
    yield _event(order.created_at, order.id, "Order", "placed", f"{order.name} was placed.")
    if order.cancelled_at is not None:
        message = f"{order.name} was cancelled."
        yield _event(order.cancelled_at, order.id, "Order", "cancelled", message)


def events_of_product(product: Product) -> Iterator[Event]:
    message = f"{product.title} was created."
    yield _event(product.created_at, product.id, "Product", "create", message)


def _event(at: int, subject_id: int, subject_type: str, verb: str, message: str) -> Event:
    """A later event has a higher id."""
    low = stable_number("Event", f"{subject_id}:{verb}") % (1 << _ID_BITS)
    return Event((max(at, 0) << _ID_BITS) | low, at, subject_id, subject_type, verb, message)
