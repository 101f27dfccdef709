"""Puts the lines of a bulk file together again: each root object with its children.

Children may stand anywhere in the file, so this is a Grace hash join: the lines are parted by
their root's id into files small enough for memory, and each part is joined there. The order of
the roots depends on the file and the number of parts alone; a successor can count on it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from services.ingestor.json_text import plain
from services.ingestor.shopify.errors import AnswerUnreadableError, ExportFailedError

_PART_BYTES = 16 * 1024 * 1024
_PARTS_AT_MOST = 256
_WRITE_BUFFER_BYTES = 128 * 1024
_ROOTS_AT_ONCE = 2_000


class Joined(NamedTuple):
    """One root object and its children, each still a line of JSON."""

    root: bytes
    children: list[bytes]


class _Key(msgspec.Struct, gc=False):
    id: str
    parent_id: str | None = msgspec.field(name="__parentId", default=None)


_KEY = msgspec.json.Decoder(_Key)


def _key_of(line: bytes) -> _Key:
    try:
        return _KEY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Half of a character in a text, which the fact's decoder puts right.
        return _KEY.decode(plain(line))


AS_IT_STANDS = 0
"""Parts of a file of roots alone: line by line, as nothing is to be joined."""


def parts_for(size: int) -> int:
    """How many parts a file of `size` bytes is to be joined in."""
    return max(1, min(_PARTS_AT_MOST, -(-size // _PART_BYTES)))


def read_joined(file: Path, parts: int, *, skip: int = 0, whole: bool = True) -> Iterator[Joined]:
    """What `joined_parts` gives, one after the other."""
    for part in joined_parts(file, parts, skip=skip, whole=whole):
        yield from part


def joined_parts(
    file: Path, parts: int, *, skip: int = 0, whole: bool = True
) -> Iterator[Sequence[Joined]]:
    """All roots of `file` with their children, without the first `skip`: what is read at once.

    Of a file that is not `whole`, children without a root are left out. With no parts
    (`AS_IT_STANDS`) each line is a root.

    Blocks while it reads. Needs as much disk as the file has when `parts` is over one; what it
    writes is beside the file and goes as soon as it was read. Raises ExportFailedError when a
    child has no root, AnswerUnreadableError when a line is no object with an id.
    """
    if parts == AS_IT_STANDS:
        yield from _as_they_stand(file, skip)
        return
    for part in [file] if parts == 1 else _partition(file, parts):
        joined = [*_joined(part, whole=whole).values()]
        if part != file:
            part.unlink()
        skipped = min(skip, len(joined))
        skip -= skipped
        del joined[:skipped]
        if joined:
            yield joined
        # Or two parts would be in memory.
        del joined


def _as_they_stand(file: Path, skip: int) -> Iterator[Sequence[Joined]]:
    with file.open("rb") as lines:
        left = islice(lines, skip, None)
        while roots := [Joined(line, []) for line in islice(left, _ROOTS_AT_ONCE)]:
            yield roots


@contextmanager
def _readable_lines() -> Iterator[None]:
    try:
        yield
    except msgspec.MsgspecError as error:
        raise AnswerUnreadableError("A line of Shopify's export cannot be read.") from error


def _joined(file: Path, *, whole: bool) -> dict[str, Joined]:
    roots: dict[str, Joined] = {}
    parents: list[str] = []
    children: list[bytes] = []
    with file.open("rb") as lines, _readable_lines():
        for line in lines:
            key = _key_of(line)
            if key.parent_id is None:
                roots[key.id] = Joined(line, [])
            else:
                parents.append(key.parent_id)
                children.append(line)
    for parent, line in zip(parents, children, strict=True):
        root = roots.get(parent)
        if root is not None:
            root.children.append(line)
        elif whole:
            raise ExportFailedError("A line of Shopify's export has lost its parent.")
    return roots


def _partition(file: Path, parts: int) -> list[Path]:
    paths = [file.with_name(f"{file.name}.{number:03}") for number in range(parts)]
    with ExitStack() as stack:
        lines = stack.enter_context(file.open("rb"))
        writers = [stack.enter_context(path.open("wb", _WRITE_BUFFER_BYTES)) for path in paths]
        stack.enter_context(_readable_lines())
        for line in lines:
            key = _key_of(line)
            writers[crc32((key.parent_id or key.id).encode()) % parts].write(line)
    return paths
