"""Private folders for exports on their way in. They hold personal data, so none may stay behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "tillstream-pull-"


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for this process's user alone, gone with all that is in it after the block."""
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        yield Path(folder)


def remove_abandoned_folders() -> None:
    """Remove what killed processes left. Call before this process makes a folder of its own."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not _lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process_id: int) -> bool:
    if process_id == os.getpid():
        # A predecessor with our number: usual in a container.
        return False
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
