"""What there is to say of a further entity: how it is asked for, read and kept.

Customers, orders and products have rollups and code of their own; all else that a shop holds is
pulled, proved, updated by deliveries and deleted alike, from a declaration.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from libs.common.errors import InvalidInputError
from libs.common.money import is_money
from services.ingestor.deliveries.bodies import DeletionBody, Named
from services.ingestor.facts import Entity, Fact, Gone, Order, Records
from services.ingestor.values import check_moments, has_edge

_COLUMN_TYPES = {
    bool: "boolean",
    datetime: "timestamptz",
    Decimal: "numeric",
    int: "bigint",
    str: "text",
}


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """What is kept of one object: each field is a column of the entity's table.

    `updated_at` is Shopify's; an object that Shopify never changes has the time of its making.
    """

    KEY: ClassVar[tuple[str, ...]] = ("id",)

    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """A connection below the root whose nodes are wanted: at most `first` come with a page.

    Where it is below each element of a plain list of the root's, `within` is that list and
    `within_fields` what is read of an element; no bulk query may ask so. The nodes of all pages
    are then each element's `children`, and no `node` is needed. With `search` the pages list
    those alone that changed, below every object of the root.
    """

    connection: str
    fields: str
    node: type[Struct] | None = None
    first: int = 50
    within: str = ""
    within_fields: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose the rows are: with the owner they go.

    Where single rows of it end and nobody tells but a list without them, `listed` is the column
    of the owner's table that keeps when the newest whole list was seen.
    """

    entity: str
    column: str
    listed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic's body, as far as it is used, and the fact in it."""

    body: type[Named]
    fact: Callable[[Any], Fact]


def deletion_topic(entity: Entity, body: type[DeletionBody] = DeletionBody) -> Topic:
    """A row of `entity`, whose key is its id, is no more."""

    def gone(told: DeletionBody) -> Gone:
        return Gone(entity=entity, key=(told.id,))

    return Topic(body=body, fact=gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A further entity; `name` is also that of its table.

    `root` is the connection of the Admin API that lists it, or its owners, with `fields` of each
    node. `rows` makes the rows of one node and its children. `sort` is the key under which Shopify
    lists by time of change; without one the list is by id. Where `search` is empty Shopify cannot
    tell what changed, so every pull reads the whole (short) list. `only` narrows every search,
    and `arguments` go with every question for the root. `changes` is another way to list what
    changed, where a search of the root does not tell.
    `bulk` is false where the schema forbids a bulk query. `count` is the query of Shopify's own
    number of the rows, where it has one. Without `scope`, or one that a field `needs`, the entity
    is left out. A whole list below `owner` is all it has; the rows also go with each of `others`.
    With `follows_refunds` the rows are below refunds, which the sales name: the orders of those
    that no page showed are then asked for one by one.
    `node_type` is the type of the ids by which Shopify tells whether a row is there still; needed
    where a topic says that one is gone.
    `from_pulls` are columns of which deliveries say nothing, or not always: the last pull's word
    counts, and until there was one the first that a delivery said.
    """

    name: str
    scope: str
    root: str
    fields: str
    node: type[Struct]
    row: type[Row]
    rows: Callable[[Any, Sequence[Any]], Sequence[Row]]
    children: Children | None = None
    owner: Owner | None = None
    others: Sequence[Owner] = ()
    sort: str | None = "UPDATED_AT"
    arguments: str = ""
    search: str = "updated_at"
    only: str = ""
    page_size: int = 50
    changes: "Kind | None" = None
    bulk: bool = True
    follows_refunds: bool = False
    count: str | None = None
    needs: tuple[str, ...] = ()
    node_type: str = ""
    from_pulls: tuple[str, ...] = ()
    topics: Mapping[str, Topic] = field(default_factory=dict)

    @property
    def listed_by(self) -> tuple[str, ...]:
        """Kinds that have the same are all told of by the nodes of one export."""
        return (self.root, self.arguments, self.only)

    @property
    def key(self) -> tuple[str, ...]:
        return self.row.KEY

    @property
    def owners(self) -> Sequence[Owner]:
        return (*self.others, *([self.owner] if self.owner else ()))

    @property
    def listing(self) -> "Kind":
        """What the pages of changes are read by."""
        return self.changes or self

    @property
    def searches_children(self) -> bool:
        return self.children is not None and bool(self.children.search)

    @property
    def search_field(self) -> str:
        """By which the pages tell what changed; empty where they show all there is."""
        below = self.children.search if self.children else ""
        return below or self.search

    @property
    def data(self) -> dict[str, str]:
        """Column to PostgreSQL type, without the key and the version."""
        hints = get_type_hints(self.row)
        fields = self.row.__struct_fields__
        named = (name for name in fields if name not in (*self.key, "updated_at"))
        return {name: _column_type(hints[name]) for name in named}

    def is_granted(self, scopes: frozenset[str]) -> bool:
        """Whether these access scopes let us read it: to write includes to read."""
        return all(
            not scopes.isdisjoint({scope, scope.replace("read_", "write_", 1)})
            for scope in (self.scope, *self.needs)
        )


def check_fact(fact: Fact) -> None:
    """Raises InvalidInputError where an amount is none, or a moment cannot be stored.

    Each fact passes here, so orders, by far the most of them, have a way of their own.
    """
    if isinstance(fact, Order):
        made = None if fact.customer is None else fact.customer.created_at
        if has_edge(fact.processed_at, fact.created_at, fact.updated_at, fact.cancelled_at, made):
            raise InvalidInputError("a moment cannot be stored")
        for refund in fact.refunds:
            check_moments(refund)
    elif isinstance(fact, Records):
        for row in fact.rows:
            _check_row(row)
    else:
        check_moments(fact)


def _check_row(row: Row) -> None:
    for name in _amounts(type(row)):
        value = getattr(row, name)
        if value is not None and not is_money(value):
            raise InvalidInputError(f"{name} is no amount of money")
    check_moments(row)


@cache
def _amounts(row: type[Row]) -> tuple[str, ...]:
    hints = get_type_hints(row)
    numeric = _COLUMN_TYPES[Decimal]
    return tuple(name for name in row.__struct_fields__ if _column_type(hints[name]) == numeric)


def _column_type(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        [hint] = (each for each in get_args(hint) if each is not type(None))
    return _COLUMN_TYPES[hint]
