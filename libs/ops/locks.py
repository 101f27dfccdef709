"""One data folder, one process: an advisory lock that dies with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libs.ops.errors import FolderInUseError
from libs.ops.files import PRIVATE, PRIVATE_FOLDER


@contextmanager
def exclusive(folder: Path, name: str) -> Iterator[None]:
    """Holds `folder`/`name`.lock; raises FolderInUseError naming the process that has it.

    The kernel drops the lock with the process, so a kill -9 leaves nothing behind.
    """
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    path = folder / f"{name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise FolderInUseError(
                f"the data folder {folder} is in use by process {holder}; "
                "stop that one or choose another folder with --data-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
