"""The dashboard's files, read once at start: no request's path ever reaches the file system."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKED = {".br": "br", ".gz": "gzip"}


@dataclass(frozen=True, slots=True)
class DashboardFile:
    """`packed` holds the content by its encoding, the smallest first."""

    content: bytes
    media_type: str
    packed: Mapping[str, bytes]


def read_dashboard(folder: Path) -> Mapping[str, DashboardFile]:
    """Every file below `folder` by its path there, but for hidden ones; none without the folder.

    What a link leads to outside of `folder` is left out.
    """
    root = folder.resolve()
    contents = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.resolve().is_relative_to(root) and not _is_hidden(path, root)
    }
    return {
        name: DashboardFile(content, _media_type(name), _packed(name, contents))
        for name, content in contents.items()
    }


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _packed(name: str, contents: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {
        encoding: contents[name + suffix]
        for suffix, encoding in _PACKED.items()
        if name + suffix in contents
    }
