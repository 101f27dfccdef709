"""The sort keys of generated objects, in order, without a list of them all.

Most sorts follow the place itself; the others are kept as packed integers, eight bytes each.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

from libs.simulator.generated import Generated

Key = tuple[Any, int]
Read = Callable[[Any], Any]

_PLACE_BITS = 24
_PLACE_MASK = (1 << _PLACE_BITS) - 1


class ByPlace(Sequence[Key]):
    """Keys whose value never falls from one place to the next."""

    def __init__(self, size: int, key: Callable[[int], Key]) -> None:
        self._size = size
        self._key = key

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Key: ...
    @overload
    def __getitem__(self, index: slice) -> list[Key]: ...
    def __getitem__(self, index: int | slice) -> Key | list[Key]:
        if isinstance(index, slice):
            return [self._key(place) for place in range(*index.indices(self._size))]
        if not 0 <= index < self._size:
            raise IndexError(index)
        return self._key(index)


class Merged(Sequence[Key]):
    """Two sorted sequences read as one: `most`, which is long, and `some`."""

    def __init__(self, most: Sequence[Key], some: Iterable[Key]) -> None:
        self._most = most
        self._some = [key for key in sorted(some) if not _holds(most, key)]
        self._places = [bisect_left(most, key) + before for before, key in enumerate(self._some)]

    def __len__(self) -> int:
        return len(self._most) + len(self._some)

    @overload
    def __getitem__(self, index: int) -> Key: ...
    @overload
    def __getitem__(self, index: slice) -> list[Key]: ...
    def __getitem__(self, index: int | slice) -> Key | list[Key]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        before = bisect_left(self._places, index)
        if before < len(self._places) and self._places[before] == index:
            return self._some[before]
        return self._most[index - before]


def _holds(keys: Sequence[Key], key: Key) -> bool:
    place = bisect_left(keys, key)
    return place < len(keys) and keys[place] == key


def made_keys(entities: Generated[Any], sort: str, read: Read | None) -> Sequence[Key]:
    """The keys of all as they were made. Keys of what changed since are among them: stale."""
    base = entities.base
    if read is None:
        return ByPlace(entities.size, lambda place: (base + place, base + place))
    if sort in {"CREATED_AT", "PROCESSED_AT"} or (
        sort == "UPDATED_AT" and not entities.settled_after
    ):
        return ByPlace(entities.size, lambda place: (entities.created(place), base + place))
    values = map(read, map(entities.make, range(entities.size)))
    if sort == "NAME":
        return sorted((value, base + place) for place, value in enumerate(values))
    packed = array("q", sorted(value << _PLACE_BITS | place for place, value in enumerate(values)))
    return ByPlace(entities.size, lambda rank: _unpacked(packed[rank], base))


def _unpacked(value: int, base: int) -> Key:
    return value >> _PLACE_BITS, base + (value & _PLACE_MASK)


def merged_keys(made: Sequence[Key], entities: Generated[Any], read: Read | None) -> Sequence[Key]:
    changed: Mapping[int, Any] = {row.id: row for row in entities.present()}
    if not changed:
        return made
    return Merged(
        made, [(number if read is None else read(row), number) for number, row in changed.items()]
    )
