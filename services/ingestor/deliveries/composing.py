"""One shape of several: a body that many read is decoded once, with all that any of them reads."""

from collections.abc import Collection, Sequence
from types import GenericAlias, NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields


class ShapesDisagreeError(Exception):
    """Two readers of one body want one field in ways that no value can meet both."""


def composed(
    shapes: Sequence[type[msgspec.Struct]], known: Collection[str] | None = None
) -> type[Any]:
    """A struct with the fields of all `shapes`, that takes what each of them takes.

    A field is required when one of them requires it, and may be null when all of them let it.
    With `known` no other field may be there; nothing is kept of those that no shape reads.
    Raises ShapesDisagreeError.
    """
    found: dict[str, FieldInfo] = {}
    for shape in shapes:
        if shape.__struct_config__.forbid_unknown_fields and len(shapes) > 1:
            raise ShapesDisagreeError(f"{shape.__name__} takes no field that another reads")
        for info in fields(shape):
            held = found.get(info.encode_name)
            found[info.encode_name] = info if held is None else _both(held, info)
    unread = [name for name in known or () if name not in found]
    return msgspec.defstruct(
        shapes[0].__name__,
        [
            *((info.name, info.type, _field(info)) for info in found.values()),
            *((f"unread_{n}", msgspec.Raw, _unread(name)) for n, name in enumerate(unread)),
        ],
        kw_only=True,
        forbid_unknown_fields=known is not None,
    )


def _both(one: FieldInfo, other: FieldInfo) -> FieldInfo:
    wanted = _met(one.type, other.type, one.encode_name)
    if one.name != other.name:
        raise ShapesDisagreeError(f"{one.encode_name} is called {one.name} and {other.name}")
    if one.required or other.required:
        return FieldInfo(one.name, one.encode_name, wanted)
    if (one.default, one.default_factory) != (other.default, other.default_factory):
        raise ShapesDisagreeError(f"{one.encode_name} has two defaults")
    return FieldInfo(one.name, one.encode_name, wanted, one.default, one.default_factory)


def _met(one: Any, other: Any, name: str) -> Any:
    """The type of the values that both types take."""
    if one == other:
        return one
    bare, null = _without_none(one)
    other_bare, other_null = _without_none(other)
    if null or other_null:
        met = _met(bare, other_bare, name)
        return met | None if null and other_null else met
    if get_origin(one) is list and get_origin(other) is list:
        [item], [other_item] = get_args(one), get_args(other)
        return GenericAlias(list, _met(item, other_item, name))
    if _is_struct(one) and _is_struct(other):
        return composed((one, other))
    raise ShapesDisagreeError(f"{name} is {one} and {other}")


def _without_none(wanted: Any) -> tuple[Any, bool]:
    if get_origin(wanted) not in (Union, UnionType):
        return wanted, False
    left = tuple(each for each in get_args(wanted) if each is not NoneType)
    return Union[left], len(left) < len(get_args(wanted))  # noqa: UP007


def _is_struct(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)


def _field(info: FieldInfo) -> Any:
    if info.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=info.default_factory, name=info.encode_name)
    return msgspec.field(default=info.default, name=info.encode_name)


def _unread(name: str) -> Any:
    return msgspec.field(default=msgspec.Raw(), name=name)
