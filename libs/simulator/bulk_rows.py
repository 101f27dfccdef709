"""A validated bulk query, compiled once into functions that write JSON lines.

Ungrouped, a child may stand anywhere, before its parent too; grouped, children follow their
parent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from libs.simulator.bulk_query import BulkQuery, Connected
from libs.simulator.bulk_text import Texts
from libs.simulator.context import Context
from libs.simulator.model import Customer, Order, Product
from libs.simulator.search import Term, terms_from_query
from libs.simulator.selection import matching

Read = Callable[[Any], Any]
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
        written = _Connection(Texts(context), connected)
        yield from (written.grouped(rows) if grouped else written.scattered(rows))


class _Connection:
    def __init__(self, texts: Texts, connected: Connected) -> None:
        self._opened = texts.opened(connected.node_type, connected.fields)
        self._ending = f',"__parentId":"gid:\\/\\/shopify\\/{connected.node_type}\\/%d"}}\n'
        self._below = [
            (_CHILDREN[child.parent_type, child.name], _Connection(texts, child))
            for child in connected.below
        ]

    def _line(self, source: Any) -> bytes:
        return f"{self._opened(source)}}}\n".encode()

    def _children(self, source: Any) -> list[bytes]:
        found: list[bytes] = []
        ending = self._ending % source.id
        for read, connection in self._below:
            opened = connection._opened
            for child in read(source):
                found.append(f"{opened(child)}{ending}".encode())
                if connection._below:
                    found += connection._children(child)
        return found

    def grouped(self, rows: Iterable[Any]) -> Iterator[Line]:
        for source in rows:
            yield self._line(source), True
            for child in self._children(source):
                yield child, False

    def scattered(self, rows: Iterable[Any]) -> Iterator[Line]:
        """Every other parent comes after some of its children, and most lines far from it."""
        held: list[bytes] = []
        for place, source in enumerate(rows):
            children = self._children(source)
            if place % 2:
                held += children
            else:
                for child in children[::2]:
                    yield child, False
                held += children[1::2]
            yield self._line(source), True
            if len(held) > _HELD_CHILDREN:
                for child in reversed(held):
                    yield child, False
                held.clear()
        for child in reversed(held):
            yield child, False
