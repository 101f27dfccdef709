"""A validated bulk query, compiled once into functions that write JSON lines.

Ungrouped, a child may stand anywhere, before its parent too; grouped, children follow their
parent.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from libs.simulator.bulk_query import BulkQuery, Connected
from libs.simulator.bulk_text import Texts, number_of
from libs.simulator.children import CHILDREN, SAME_ROW, children_of
from libs.simulator.context import Context
from libs.simulator.model import Order
from libs.simulator.roots import ROOTS
from libs.simulator.search import Term, terms_from_query
from libs.simulator.selection import matching

Line = tuple[bytes, bool]
"""A line of the file, and whether it is a root's."""

_HELD_CHILDREN = 97
"""How many children wait while their parents are written: a prime, so that no pattern of
orders and lines stays together."""


def unsupported(connected: Connected, parent_type: str = "QueryRoot") -> str | None:
    """The name of a connection that the simulator has no bulk data for, if there is one."""
    if parent_type == "QueryRoot":
        known = connected.name in ROOTS
    else:
        same = connected.parent_type == parent_type
        known = (same or (parent_type, connected.parent_type) in SAME_ROW) and (
            (connected.parent_type, connected.name) in CHILDREN
        )
    if not known:
        return connected.name
    names = (unsupported(child, connected.node_type) for child in connected.below)
    return next((name for name in names if name is not None), None)


def snapshot(context: Context, connected: Connected) -> Iterable[Any]:
    """The rows of a root as they are now, to be read once."""
    root = ROOTS[connected.name]
    terms: list[Term] = terms_from_query(root.entity, connected.args.get("query"))
    if root.entity is Order:
        terms += context.order_terms()
    return matching(root.rows(context.shop), root.entity, terms)


def lines(
    context: Context, query: BulkQuery, snapshots: list[Iterable[Any]], *, grouped: bool
) -> Iterator[Line]:
    for connected, rows in zip(query.roots, snapshots, strict=True):
        written = _Connection(Texts(context), connected)
        yield from (written.grouped(rows) if grouped else written.scattered(rows))


def _no_number(_source: Any) -> int:
    return 0


class _Connection:
    def __init__(self, texts: Texts, connected: Connected) -> None:
        self._opened = texts.opened(connected.node_type, connected.fields)
        self._ending = f',"__parentId":"gid:\\/\\/shopify\\/{connected.node_type}\\/%d"}}\n'
        self._shop = texts.context.shop
        # A row without an id has nothing below it.
        self._number = number_of(connected.node_type) if connected.below else _no_number
        self._below = [
            (children_of(child.parent_type, child.name, child.args), _Connection(texts, child))
            for child in connected.below
        ]

    def _line(self, source: Any) -> bytes:
        return f"{self._opened(source)}}}\n".encode()

    def _children(self, source: Any) -> list[bytes]:
        found: list[bytes] = []
        ending = self._ending % self._number(source)
        for read, connection in self._below:
            opened = connection._opened
            for child in read(self._shop, source):
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
