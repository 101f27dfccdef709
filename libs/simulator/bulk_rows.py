"""A validated bulk query, compiled once into functions that write JSON lines fast.

Slashes are escaped as Shopify's are. Ungrouped, a child may stand anywhere, before its parent
too; grouped, children follow their parent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any

import orjson

from libs.simulator.bulk_query import BulkQuery, Connected, Selected
from libs.simulator.connections import refunds
from libs.simulator.context import Context
from libs.simulator.fields import FIELDS, Constant, Same
from libs.simulator.model import Customer, Order, Product
from libs.simulator.money_fields import MoneyField, no_money
from libs.simulator.numbers import global_id
from libs.simulator.search import Term, terms_from_query
from libs.simulator.selection import matching

Read = Callable[[Any], Any]
Row = Callable[[Any], dict[str, Any]]
Line = tuple[bytes, bool]
"""A line of the file, and whether it is a root's."""

_ROOTS: Mapping[str, tuple[type, str]] = {
    "orders": (Order, "orders"),
    "customers": (Customer, "customers"),
    "products": (Product, "products"),
}
_CHILDREN: Mapping[tuple[str, str], Read] = {
    ("Order", "lineItems"): lambda order: order.lines,
    ("Product", "variants"): lambda product: product.variants,
}
_HELD_CHILDREN = 97
"""How many children wait while their parents are written: a prime, so that no pattern of
orders and lines stays together."""
_AMOUNTS = 65_536
SUPPORTED = frozenset(_ROOTS)


def snapshot(context: Context, connected: Connected) -> Iterable[Any]:
    """The rows of a root as they are now, to be read once."""
    entity, name = _ROOTS[connected.name]
    terms: list[Term] = terms_from_query(entity, connected.args.get("query"))
    if entity is Order:
        terms += context.order_terms()
    return matching(getattr(context.shop, name), entity, terms)


def lines(
    context: Context, query: BulkQuery, snapshots: list[Iterable[Any]], *, grouped: bool
) -> Iterator[Line]:
    for connected, rows in zip(query.roots, snapshots, strict=True):
        written = _Connection(context, connected, parent_id=None)
        yield from (written.grouped(rows) if grouped else written.scattered(rows))


class _Connection:
    def __init__(self, context: Context, connected: Connected, *, parent_id: str | None) -> None:
        self._row = _object(context, connected.node_type, connected.fields)
        self._node_type = connected.node_type
        self._below = [
            (_CHILDREN[child.parent_type, child.name], _Connection(context, child, parent_id=""))
            for child in connected.below
        ]

    def _line(self, source: Any, parent_id: str | None) -> bytes:
        row = self._row(source)
        if parent_id is not None:
            row["__parentId"] = parent_id
        return orjson.dumps(row).replace(b"/", b"\\/") + b"\n"

    def _children(self, source: Any) -> Iterator[bytes]:
        if not self._below:
            return
        parent_id = global_id(self._node_type, source.id)
        for read, connection in self._below:
            for child in read(source):
                yield connection._line(child, parent_id)
                yield from connection._children(child)

    def grouped(self, rows: Iterable[Any]) -> Iterator[Line]:
        for source in rows:
            yield self._line(source, None), True
            for child in self._children(source):
                yield child, False

    def scattered(self, rows: Iterable[Any]) -> Iterator[Line]:
        """Every other parent comes after some of its children, and most lines far from it."""
        held: list[bytes] = []
        for place, source in enumerate(rows):
            if place % 2:
                yield self._line(source, None), True
                held.extend(self._children(source))
            else:
                children = list(self._children(source))
                for child in children[::2]:
                    yield child, False
                yield self._line(source, None), True
                held.extend(children[1::2])
            if len(held) > _HELD_CHILDREN:
                for child in reversed(held):
                    yield child, False
                held.clear()
        for child in reversed(held):
            yield child, False


def _object(
    context: Context, type_name: str, fields: tuple[Selected, ...]
) -> Callable[[Any], dict[str, Any]]:
    template: dict[str, Any] = {}
    reads = []
    for field in fields:
        template[field.key] = None
        if _is_constant(type_name, field):
            template[field.key] = _field(context, type_name, field)(None)
        else:
            reads.append((field.key, _field(context, type_name, field)))

    def row(source: Any) -> dict[str, Any]:
        made = template.copy()
        for key, read in reads:
            made[key] = read(source)
        return made

    return row


def _is_constant(type_name: str, field: Selected) -> bool:
    resolver = FIELDS[type_name].get(field.name)
    nothing = resolver is no_money and _is_of_shop(field)
    return nothing or isinstance(resolver, Constant) or field.name == "__typename"


def _is_of_shop(field: Selected) -> bool:
    """Whether what is asked of an amount does not depend on the buyer's currency."""
    return all(child.name in {"shopMoney", "__typename"} for child in field.children)


def _field(context: Context, type_name: str, field: Selected) -> Read:
    if field.name == "__typename":
        return lambda _source: type_name
    if (type_name, field.name) == ("Order", "refunds"):
        read: Read = refunds
    else:
        read = _plain(context, FIELDS[type_name][field.name], field)
    if not field.children:
        return read
    if (type_name, field.name) == ("Order", "customer") and _is_id_alone(field):
        return _customer_id(context, field.children[0].key)
    return _nested(read, _object(context, field.type_name, field.children), field)


def _plain(context: Context, resolver: Any, field: Selected) -> Read:
    if isinstance(resolver, Same):
        return attrgetter(resolver.name)
    if isinstance(resolver, MoneyField) and _is_of_shop(field):
        return resolver.amount
    return partial(resolver, context)


def _is_id_alone(field: Selected) -> bool:
    return [child.name for child in field.children] == ["id"]


def _customer_id(context: Context, key: str) -> Read:
    """Without making the customer."""
    customers = context.shop.customers

    def read(order: Order) -> dict[str, Any] | None:
        number = order.customer_id
        known = number is not None and number in customers
        return {key: f"gid://shopify/Customer/{number}"} if known else None

    return read


def _nested(read: Read, nested: Row, field: Selected) -> Read:
    nested = _remembered(nested, field.type_name)
    if field.is_list:

        def each(source: Any) -> list[dict[str, Any]]:
            items = read(source)
            return [nested(item) for item in items] if items else []

        return each

    def optional(source: Any) -> dict[str, Any] | None:
        value = read(source)
        return None if value is None else nested(value)

    return optional


def _remembered(nested: Row, type_name: str) -> Row:
    """Amounts and products come again and again: what they look like is made once."""
    if type_name == "MoneyBag":
        known_amount = lru_cache(_AMOUNTS)(nested)
        return lambda money: known_amount(money) if type(money) is Decimal else nested(money)
    if type_name not in {"Product", "ProductVariant"}:
        return nested
    known: dict[int, tuple[Product, dict[str, Any]]] = {}

    def product(source: Product) -> dict[str, Any]:
        found = known.get(source.id)
        if found is None or found[0] is not source:
            found = known[source.id] = (source, nested(source))
        return found[1]

    return product
