"""Files and folders of the data folder: private to their owner, JSON replaced whole."""

import json
import os
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from libs.ops.errors import OperationError

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
_WALKED_THROUGH = 0o711
_OTHERS = 0o077


@contextmanager
def private_by_default() -> Iterator[None]:
    """What this process and its children make inside the block is for their owner alone."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def private_folder(folder: Path, own: Collection[str]) -> None:
    """Take what is in `folder` by a name in `own` from all but its owner, whatever made it so.

    The folder itself too, unless something else lies there: it may be a home folder. Root's
    folder, if others may walk through it, stays so: PostgreSQL runs as another user.
    """
    if set(os.listdir(folder)) <= set(own):
        allowed = PRIVATE_FOLDER if os.geteuid() else _WALKED_THROUGH
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & allowed)
    for name in own:
        _take_from_others(folder / name)
        for parent, folders, files in os.walk(folder / name):
            for inside in (*folders, *files):
                _take_from_others(Path(parent, inside))


def _take_from_others(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & _OTHERS and not path.is_symlink():
            path.chmod(mode & ~_OTHERS)
    except FileNotFoundError:  # a temporary file that is gone meanwhile
        return


def write_json(path: Path, content: Any) -> None:
    """Replaces the file in one step, so that a reader never sees half of it."""
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        os.fchmod(descriptor, PRIVATE)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty when there is none yet."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    if not isinstance(content, dict):
        raise OperationError(f"{path} does not hold a JSON object")
    return content
