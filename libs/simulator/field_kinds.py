"""The kinds of field that a bulk operation writes without asking a function for each row.

`path` is an attribute of the row, or of one of its attributes: `refund.note`.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from libs.simulator.numbers import global_id
from libs.simulator.times import graphql_time

if TYPE_CHECKING:
    from libs.simulator.context import Context

Field = Callable[["Context", Any], Any]
Fields = Mapping[str, Field]


class Same:
    """What is at the path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.read = attrgetter(path)

    def __call__(self, _context: "Context", source: Any) -> Any:
        return self.read(source)


class Constant:
    """The same for every row."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __call__(self, _context: "Context", _source: Any) -> Any:
        return self.value


class OfShop:
    """The same for every row of a shop."""

    def __init__(self, value: Callable[["Context"], object]) -> None:
        self.value = value

    def __call__(self, context: "Context", _source: Any) -> Any:
        return self.value(context)


class Filled:
    """A text, or nothing when it is empty."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._read = attrgetter(path)

    def __call__(self, _context: "Context", source: Any) -> str | None:
        return self._read(source) or None


class Found:
    """The shop's row of the number at the path, `rows` being the shop's name for them all."""

    def __init__(self, rows: str, path: str) -> None:
        self.rows = rows
        self.path = path
        self._read = attrgetter(path)

    def __call__(self, context: "Context", source: Any) -> Any:
        number = self._read(source)
        return None if number is None else getattr(context.shop, self.rows).get(number)


class Time:
    """Seconds since 1970, or None."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.read = attrgetter(path)

    def __call__(self, _context: "Context", source: Any) -> str | None:
        seconds = self.read(source)
        return None if seconds is None else graphql_time(seconds)


class Id:
    """A global id, from the row's number."""

    def __init__(self, kind: str, path: str = "id") -> None:
        self.prefix = global_id(kind, 0).removesuffix("0")
        self.path = path
        self.read = attrgetter(path)

    def __call__(self, _context: "Context", source: Any) -> str:
        return f"{self.prefix}{self.read(source)}"


def ids(kind: str, path: str = "id") -> Fields:
    read = attrgetter(path)
    return {
        "id": Id(kind, path),
        "legacyResourceId": lambda _context, source: str(read(source)),
    }


class Upper:
    """A word as an enum has it, or None."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._read = attrgetter(path)

    def __call__(self, _context: "Context", source: Any) -> str | None:
        text = self._read(source)
        return None if text is None else text.upper()


NO: Constant = Constant(value=False)
YES: Constant = Constant(value=True)
NOTHING: Constant = Constant(None)
