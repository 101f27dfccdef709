"""A folder in memory for what the tests write: on a disk every new file costs ten times as much."""

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 * 1024**3


def memory_folder() -> Path | None:
    """None where there is no such folder, too little room, or nothing in it may be run."""
    if not _MEMORY.is_dir() or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES else None
