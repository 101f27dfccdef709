"""Connections: sorted, filtered and cut into pages by cursor.

A cursor holds the sort value and id of its row, so pages stay true while rows come and go.
"""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from libs.simulator.drafts import Checkout, Draft
from libs.simulator.events import Event
from libs.simulator.generated import Generated
from libs.simulator.generated_keys import made_keys, merged_keys
from libs.simulator.model import Collection, Customer, Order, Product, Variant
from libs.simulator.offers import Offer
from libs.simulator.operations import Operation
from libs.simulator.search import Term, predicate
from libs.simulator.selection import count_matching, updated_within
from libs.simulator.shops import Shop
from libs.simulator.stock import Location

LARGEST_PAGE = 250
_ABOVE_ALL_IDS = 1 << 63

Key = tuple[Any, int]


class PageError(ValueError):
    """The arguments of a connection do not fit together."""

    def __init__(self, message: str, code: str = "BAD_REQUEST") -> None:
        super().__init__(message)
        self.code = code


class Page(Struct, frozen=True):
    rows: Sequence[Any]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


_KINDS: Mapping[type, str] = {Order: "order", Customer: "customer", Product: "product"}
_SORTS: Mapping[tuple[type, str], Callable[[Any], Any]] = {
    (Order, "CREATED_AT"): lambda order: order.created_at,
    (Order, "PROCESSED_AT"): lambda order: order.processed_at,
    (Order, "UPDATED_AT"): lambda order: order.updated_at,
    (Order, "ORDER_NUMBER"): lambda order: order.number,
    (Order, "TOTAL_PRICE"): lambda order: int(order.total * 100),
    (Customer, "CREATED_AT"): lambda customer: customer.created_at,
    (Customer, "UPDATED_AT"): lambda customer: customer.updated_at,
    (Customer, "NAME"): lambda customer: f"{customer.last_name}, {customer.first_name}",
    (Product, "CREATED_AT"): lambda product: product.created_at,
    (Product, "UPDATED_AT"): lambda product: product.updated_at,
    (Product, "TITLE"): lambda product: product.title,
    (Variant, "SKU"): lambda variant: variant.sku,
    (Variant, "TITLE"): lambda variant: variant.title,
    (Variant, "INVENTORY_QUANTITY"): lambda variant: variant.inventory,
    (Collection, "UPDATED_AT"): lambda collection: collection.updated_at,
    (Collection, "TITLE"): lambda collection: collection.title,
    (Location, "NAME"): lambda location: location.name,
    (Draft, "UPDATED_AT"): lambda draft: draft.updated_at,
    (Checkout, "CREATED_AT"): lambda checkout: checkout.created_at,
    (Offer, "CREATED_AT"): lambda offer: offer.starts_at,
    (Offer, "UPDATED_AT"): lambda offer: offer.starts_at,
    (Offer, "STARTS_AT"): lambda offer: offer.starts_at,
    (Offer, "TITLE"): lambda offer: offer.title,
    (Event, "CREATED_AT"): lambda event: event.created_at,
    (Operation, "CREATED_AT"): lambda operation: operation.created_at,
    (Operation, "COMPLETED_AT"): lambda operation: operation.completed_at or 0,
}


def _entities(shop: Shop, entity: type) -> Mapping[int, Any]:
    entities: Mapping[int, Any] = getattr(shop, f"{_KINDS[entity]}s")
    return entities


def count(shop: Shop, entity: type, terms: list[Term]) -> int:
    return count_matching(_entities(shop, entity), entity, terms)


class Listings:
    """One shop's rows in order of a sort key; sorted again only after a change."""

    def __init__(self) -> None:
        self._sorted: dict[tuple[type, str], tuple[int, Sequence[Key]]] = {}
        self._made: dict[tuple[type, str], Sequence[Key]] = {}
        self._updated: dict[type, tuple[int, range, list[Key]]] = {}

    def keys(self, shop: Shop, entity: type, sort: str, terms: list[Term]) -> Sequence[Key]:
        """Of all rows; of the most recently updated ones those that `terms` may leave."""
        entities, revision = _entities(shop, entity), shop.revisions[_KINDS[entity]]
        if sort == "UPDATED_AT" and isinstance(entities, Generated):
            places = updated_within(entities, terms)
            if len(places) < entities.size:
                return self._between(entities, entity, revision, places)
        known = self._sorted.get((entity, sort))
        if known is None or known[0] != revision:
            known = (revision, self._read(entities, entity, sort))
            self._sorted[entity, sort] = known
        return known[1]

    def _between(
        self, entities: Generated[Any], entity: type, revision: int, places: range
    ) -> list[Key]:
        """In time that depends on how many rows were updated since, not on how many there are."""
        known = self._updated.get(entity)
        if known is None or known[:2] != (revision, places):
            rows = [*entities.untouched(places), *entities.present()]
            known = (revision, places, sorted_keys(rows, entity, "UPDATED_AT"))
            self._updated[entity] = known
        return known[2]

    def _read(self, entities: Mapping[int, Any], entity: type, sort: str) -> Sequence[Key]:
        if not isinstance(entities, Generated):
            return sorted_keys(list(entities.values()), entity, sort)
        read = _SORTS.get((entity, sort))
        made = self._made.get((entity, sort))
        if made is None:
            made = self._made[entity, sort] = made_keys(entities, sort, read)
        return merged_keys(made, entities, read)


def sorted_keys(rows: Sequence[Any], entity: type, sort: str) -> list[Key]:
    """A sort key that is not known here sorts by id."""
    read = _SORTS.get((entity, sort))
    return sorted((row.id if read is None else read(row), row.id) for row in rows)


def listed(
    shop: Shop, listings: Listings, entity: type, terms: list[Term], args: Mapping[str, Any]
) -> Page:
    sort = str(args.get("sortKey") or "ID")
    keys = listings.keys(shop, entity, sort, terms)
    entities = _entities(shop, entity)
    matches = predicate(entity, terms)
    read = _SORTS.get((entity, sort))

    def row(key: Key) -> Any:
        entity_row = entities.get(key[1])
        if entity_row is None or (read is not None and read(entity_row) != key[0]):
            return None
        return entity_row if matches is None or matches(entity_row) else None

    return page(keys, row, args, _within(keys, sort, terms))


def _within(keys: Sequence[Key], sort: str, terms: list[Term]) -> range:
    """The places that bounds on the sort key itself leave, without looking at each row."""
    start, end = 0, len(keys)
    for term in terms:
        if term.field != sort.lower() or term.negated:
            continue
        if term.op in {">", ">="}:
            start = max(start, bisect_left(keys, (term.value,)))
        elif term.op in {"<", "<="}:
            end = min(end, bisect_left(keys, (term.value, _ABOVE_ALL_IDS)))
    return range(start, max(start, end))


def page(
    keys: Sequence[Key],
    row: Callable[[Key], Any],
    args: Mapping[str, Any],
    within: range | None = None,
) -> Page:
    """`keys` ascending, of which only the places `within` count; `row` gives None for what is
    filtered out, and for a key that is no longer the row's. Raises PageError."""
    size = _size(args)
    reverse = bool(args.get("reverse"))
    start, end = (within.start, within.stop) if within is not None else (0, len(keys))
    low, high = start, end
    for name, lower in (("after", not reverse), ("before", reverse)):
        if (text := args.get(name)) is not None:
            key = _key_from_cursor(text)
            if lower:
                low = max(low, bisect_right(keys, key))
            else:
                high = min(high, bisect_left(keys, key))
    from_first = args.get("first") is not None
    ascending = from_first is not reverse
    places = range(low, high) if ascending else range(high - 1, low - 1, -1)
    found = ((keys[place], row(keys[place])) for place in places)
    taken = list(islice((pair for pair in found if pair[1] is not None), size + 1))
    more, taken = len(taken) > size, taken[:size]
    if not from_first:
        taken.reverse()
    before = low > start if not reverse else high < end
    after = high < end if not reverse else low > start
    return Page(
        rows=[value for _, value in taken],
        cursors=[cursor_from_key(key) for key, _ in taken],
        has_next=more if from_first else after,
        has_previous=before if from_first else more,
    )


def part(rows: Sequence[Any], args: Mapping[str, Any]) -> Page:
    """A page of a list that a row holds, in the list's own order."""
    keys: list[Key] = [(place, 0) for place in range(len(rows))]
    return page(keys, lambda key: rows[key[0]], args)


def _size(args: Mapping[str, Any]) -> int:
    first, last = args.get("first"), args.get("last")
    if first is None and last is None:
        raise PageError("you must provide one of first or last")
    if first is not None and last is not None:
        raise PageError("providing both first and last is not supported")
    size = int(first if first is not None else last or 0)
    if size < 0:
        raise PageError("first and last cannot be negative")
    if size > LARGEST_PAGE:
        raise PageError(
            f"The input array size of {size} is greater than the maximum allowed of "
            f"{LARGEST_PAGE}.",
            "MAX_INPUT_SIZE_EXCEEDED",
        )
    return size


def cursor_from_key(key: Key) -> str:
    return base64.b64encode(json.dumps(key).encode()).decode()


def _key_from_cursor(text: str) -> Key:
    try:
        value, number = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, binascii.Error) as error:
        raise PageError(f"`{text}` is not a valid cursor.") from error
    return value, int(number)
