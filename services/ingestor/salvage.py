"""What becomes of an object with a value that cannot be read: the rest of it is kept.

An unreadable value is null where its field may be, or left to its default. A text is kept without
the characters that no database holds. What may not be null: a time is that of the observation, a
list or a text is empty. All else takes what it is in along: an element of a list is left out, an
object becomes null, and at the top nothing is left. A field is named, never with its value.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from libs.common.errors import InvalidInputError
from libs.common.ids import shopify_id
from libs.common.money import is_money
from services.ingestor.json_text import clean
from services.ingestor.values import CLAMPED, EARLIEST, GLOBAL_ID, LATEST, STRICT, Id, Text

_LOST: Final = object()
_SINGLE: Final = (bool, int, str, Decimal, datetime)
_Path = tuple[str, ...]


class SalvageError(Exception):
    """Nothing is left without the field that `place` names."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


class Salvaged(NamedTuple):
    """`value` is read by `msgspec.convert`. `unreadable` are the fields that were not.

    `whole` is false where more than a single value went: a list in it may not be all there is.
    """

    value: Any
    unreadable: frozenset[str]
    whole: bool


def salvage(tree: Any, shape: Any, observed_at: datetime) -> Salvaged:
    """What `shape` can take of `tree`, which was read from JSON. Raises SalvageError."""
    salvor = _Salvor(observed_at)
    value = salvor.value(tree, _wanted(shape), ())
    if value is _LOST:
        raise SalvageError(salvor.missing or "$")
    return Salvaged(value, frozenset(salvor.unreadable), salvor.whole)


class _Wanted(NamedTuple):
    """A type taken apart: `bare` is without null and without what narrows it."""

    bare: Any
    narrowed: Any
    nullable: bool
    clamped: bool
    global_id: bool
    strict: bool


class _Salvor:
    def __init__(self, observed_at: datetime) -> None:
        self.unreadable: set[str] = set()
        self.whole = True
        self.missing: str | None = None
        self._observed_at = observed_at

    def value(self, given: Any, wanted: _Wanted, path: _Path) -> Any:
        """`_LOST` where there is none that its place could hold."""
        if given is None and wanted.nullable:
            return None
        shape = _shape_for(wanted.bare, given)
        if shape is not None:
            found = self._object(given, shape, path)
        elif get_origin(wanted.bare) is list and isinstance(given, list):
            return self._list(given, _wanted(get_args(wanted.bare)[0]), path)
        elif wanted.bare in (Any, msgspec.Raw):
            return given
        else:
            found = self._leaf(given, wanted, path)
        if found is not _LOST:
            return found
        if wanted.bare not in _SINGLE:
            self.whole = False
        if wanted.strict:
            return _LOST
        return None if wanted.nullable else self._instead(wanted)

    def _object(self, given: Mapping[str, Any], shape: type[msgspec.Struct], path: _Path) -> Any:
        config = shape.__struct_config__
        kept = {config.tag_field: config.tag} if config.tag_field else {}
        for info, wanted in _fields(shape):
            name = info.encode_name
            below = (*path, name)
            if name not in given:
                if info.required:
                    return self._lost(below)
                continue
            found = self.value(given[name], wanted, below)
            if found is not _LOST:
                kept[name] = found
            elif info.required or wanted.strict:
                return _LOST
        return kept

    def _list(self, given: Sequence[Any], wanted: _Wanted, path: _Path) -> list[Any]:
        below = (*path[:-1], f"{path[-1] if path else ''}[]")
        found = [self.value(each, wanted, below) for each in given]
        kept = [each for each in found if each is not _LOST]
        self.whole = self.whole and len(kept) == len(found)
        return kept

    def _leaf(self, given: Any, wanted: _Wanted, path: _Path) -> Any:
        text = clean(given) if isinstance(given, str) else given
        found = _read(text, wanted)
        if found is _LOST:
            return self._lost(path)
        if text != given:
            self.unreadable.add(_name(path))
        if isinstance(found, datetime):
            return self._moment(found, wanted, path)
        return found

    def _moment(self, moment: datetime, wanted: _Wanted, path: _Path) -> Any:
        bounded = _bounded(moment)
        if bounded == moment:
            return moment
        self.unreadable.add(_name(path))
        return bounded if wanted.clamped else _LOST

    def _instead(self, wanted: _Wanted) -> Any:
        if wanted.bare is datetime:
            return self._observed_at
        if get_origin(wanted.bare) is list:
            return []
        return "" if wanted.narrowed == Text else _LOST

    def _lost(self, path: _Path) -> Any:
        self.unreadable.add(_name(path))
        self.missing = f"$.{_name(path)}" if path else "$"
        return _LOST


def _name(path: _Path) -> str:
    return ".".join(path)


def _read(given: Any, wanted: _Wanted) -> Any:
    """`given` as the type of a single value; a number may be written as a text."""
    lax = wanted.bare in (int, bool) and isinstance(given, str)
    try:
        found = msgspec.convert(given, wanted.narrowed, strict=not lax)
    except (msgspec.ValidationError, OverflowError):
        return _LOST
    if isinstance(found, Decimal) and not is_money(found):
        return _LOST
    if wanted.global_id and not _is_global_id(found):
        return _LOST
    return found


def _is_global_id(text: str) -> bool:
    try:
        msgspec.convert(shopify_id(text), Id)
    except (InvalidInputError, msgspec.ValidationError, ValueError):
        return False
    return True


def _bounded(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        return EARLIEST if moment.year == 1 else LATEST
    return min(max(utc, EARLIEST), LATEST)


def _shape_for(bare: Any, given: Any) -> type[msgspec.Struct] | None:
    """The struct among the types of `bare` that `given` says it is of."""
    if not isinstance(given, dict):
        return None
    for shape in get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,):
        if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
            config = shape.__struct_config__
            if config.tag_field is None or given.get(config.tag_field) == config.tag:
                return shape
    return None


@cache
def _fields(shape: type[msgspec.Struct]) -> Sequence[tuple[FieldInfo, _Wanted]]:
    return [(info, _wanted(info.type)) for info in fields(shape)]


def _wanted(hint: Any) -> _Wanted:
    kept = [hint]
    if get_origin(hint) in (Union, UnionType):
        kept = [each for each in get_args(hint) if each is not NoneType]
    nullable = len(kept) < len(get_args(hint)) and get_origin(hint) in (Union, UnionType)
    narrowed: Any = Union[tuple(kept)]  # noqa: UP007
    bare, extra = narrowed, {}
    if get_origin(narrowed) is Annotated:
        bare, *notes = get_args(narrowed)
        extra = {name: True for note in notes for name in note.extra or ()}
    marks = (mark in extra for mark in (CLAMPED, GLOBAL_ID, STRICT))
    return _Wanted(bare, narrowed, nullable, *marks)
