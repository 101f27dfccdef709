"""A selection compiled once into a function that writes rows as JSON, and fast.

What does not change from row to row is text already; the rest is put between. Slashes are
escaped as Shopify's are.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

import orjson
from msgspec import Struct

from libs.simulator.bulk_query import Selected
from libs.simulator.connections import CONNECTIONS
from libs.simulator.context import Context
from libs.simulator.field_kinds import (
    NOTHING,
    Constant,
    Field,
    Filled,
    Found,
    Id,
    OfShop,
    Same,
    Time,
    Upper,
)
from libs.simulator.fields import FIELDS
from libs.simulator.generated import Generated
from libs.simulator.model import ZERO
from libs.simulator.money_fields import MoneyField, no_money
from libs.simulator.schema import PROTECTED
from libs.simulator.times import graphql_time

Write = Callable[[Any], str]

_NULL = "null"
_FLAGS = {None: _NULL, False: "false", True: "true"}
_CACHED = 65_536


class Gap(Struct, frozen=True):
    """What a row puts between two texts: `write` of what is at the row's `path`, or of what
    `read` makes of the row."""

    path: str | None = None
    read: Callable[[Any], Any] | None = None
    write: Write | None = None


def joined(pieces: Iterable[str | Gap]) -> Write:
    """One function for all pieces. It is made from source, because a loop over them takes three
    times as long; in the source are the paths of `FIELDS`, and nothing of the query."""
    names: dict[str, Any] = {}
    body = ""
    for place, piece in enumerate(pieces):
        if isinstance(piece, str):
            names[f"text{place}"] = piece
            body += f"{{text{place}}}"
            continue
        value = "row" if piece.path is None else f"row.{piece.path}"
        for name, call in ((f"read{place}", piece.read), (f"write{place}", piece.write)):
            if call is not None:
                names[name] = call
                value = f"{name}({value})"
        body += f"{{{value}}}"
    exec(f"def write(row):\n    return f'{body}'", names)  # noqa: S102
    write: Write = names["write"]
    return write


@lru_cache(_CACHED)
def _text(value: object) -> str:
    """Titles and states come again and again. Not for flags: True would be found as 1."""
    return orjson.dumps(value).decode().replace("/", "\\/")


@lru_cache
def _upper_text(word: str | None) -> str:
    return _NULL if word is None else _text(word.upper())


@lru_cache(_CACHED)
def _filled_text(text: str) -> str:
    return _text(text or None)


@lru_cache
def _time_text(seconds: int | None) -> str:
    return _NULL if seconds is None else f'"{graphql_time(seconds)}"'


_WRITES: Mapping[type, Write] = {Time: _time_text, Upper: _upper_text, Filled: _filled_text}


class Texts:
    """The writers of one bulk query. Equal selections share one, and what it remembers."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._known: dict[str, Write] = {}

    def opened(self, type_name: str, fields: Iterable[Selected]) -> Write:
        """Writes an object but for its closing brace."""
        pieces: list[str | Gap] = []
        before = "{"
        for field in fields:
            pieces += [f"{before}{_text(field.key)}:", *self._field(type_name, field)]
            before = ","
        return joined(pieces or ["{"])

    def _field(self, type_name: str, field: Selected) -> list[str | Gap]:
        if field.name == "__typename":
            return [_text(type_name)]
        resolver = FIELDS[type_name].get(field.name)
        kept = self.context.shop.faults.protected_fields and (type_name, field.name) in PROTECTED
        if kept or (resolver is NOTHING and not field.is_list):
            return [_NULL]
        if isinstance(resolver, Id):
            return [_text(resolver.prefix)[:-1], Gap(resolver.path), '"']
        if isinstance(resolver, Time | Upper | Filled):
            return [Gap(resolver.path, write=_WRITES[type(resolver)])]
        if isinstance(resolver, Found):
            return [self._found(field, resolver)]
        return [self._general(type_name, field, resolver)]

    def _general(self, type_name: str, field: Selected, resolver: Field | None) -> str | Gap:
        context, write, args = self.context, self._value(field), field.args
        if resolver is None:
            connection = CONNECTIONS[type_name, field.name]
            return Gap(read=lambda row: connection(context, row, args), write=write)
        if isinstance(resolver, Constant | OfShop):
            return write(resolver(context, None))
        if resolver is no_money and _is_of_shop(field):
            return write(ZERO)
        if isinstance(resolver, Same) or (isinstance(resolver, MoneyField) and _is_of_shop(field)):
            return Gap(resolver.path, write=write)
        return Gap(read=partial(resolver, context), write=write)

    def _found(self, field: Selected, resolver: Found) -> Gap:
        rows, write = getattr(self.context.shop, resolver.rows), self._object(field)
        if not isinstance(rows, Generated):
            return Gap(resolver.path, write=_ByNumber(rows, write).__getitem__)
        if [child.name for child in field.children] != ["id"]:
            return Gap(read=partial(resolver, self.context), write=write)
        before, after = write(_Numbered("|")).split("|")
        return Gap(
            resolver.path,
            write=lambda number: f"{before}{number}{after}" if number in rows else _NULL,
        )

    def _value(self, field: Selected) -> Write:
        leaf = _FLAGS.__getitem__ if field.type_name == "Boolean" else _text
        is_object = field.children or field.branches
        one = self._object(field) if is_object else leaf
        if not field.is_list or not is_object:
            return one
        return lambda items: f"[{','.join(map(one, items))}]" if items else "[]"

    def _object(self, field: Selected) -> Write:
        key = f"{field.type_name}{field.children}{field.branches}"
        write = self._known.get(key)
        if write is None:
            write = self._known[key] = self._new_object(field)
        return write

    def _any_of(self, field: Selected) -> Write | None:
        """For an object that says itself which of the possible types it is."""
        if not field.branches:
            return None
        writes = {name: self.opened(name, fields) for name, fields in field.branches.items()}
        return lambda row: writes[row.type_name](row)

    def _new_object(self, field: Selected) -> Write:
        opened = self._any_of(field) or self.opened(field.type_name, field.children)

        def write(value: Any) -> str:
            return _NULL if value is None else opened(value) + "}"

        if field.type_name != "MoneyBag":
            return write
        known = lru_cache(_CACHED)(write)
        if _is_of_shop(field):
            return known
        return lambda money: known(money) if type(money) is Decimal else write(money)


class _ByNumber(dict[int | None, str]):
    """The texts of rows that come again and again, each made at its first mention."""

    def __init__(self, rows: Mapping[int, Any], write: Write) -> None:
        super().__init__()
        self._rows = rows
        self._write = write

    def __missing__(self, number: int | None) -> str:
        row = None if number is None else self._rows.get(number)
        text = self[number] = self._write(row)
        return text


class _Numbered:
    """A row of which only the number is known."""

    __slots__ = ("id",)

    def __init__(self, number: str) -> None:
        self.id = number


def number_of(type_name: str) -> Callable[[Any], object]:
    """What the global id of a row of this type ends with."""
    resolver = FIELDS[type_name]["id"]
    if not isinstance(resolver, Id):
        raise TypeError(f"{type_name} has no global id")
    return resolver.read


def _is_of_shop(field: Selected) -> bool:
    """Whether what is asked of an amount does not depend on the buyer's currency."""
    return all(child.name in {"shopMoney", "__typename"} for child in field.children)
