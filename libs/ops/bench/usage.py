"""What processes have used so far, by the kernel's books in /proc."""

import os
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat, counted behind the name: of the process, then of children it waited for.
_PARENT = 1
_TIMES = slice(11, 15)
_OWN_TIMES = slice(11, 13)


def cpu_seconds(pid: int) -> float:
    """Of one process alone. Raises OSError when it is gone."""
    return _sum(_stat(pid)[_OWN_TIMES])


def cpu_seconds_of_all(pids: Mapping[str, int]) -> dict[str, float]:
    """By name: each process with all its children, those that have ended too."""
    children: dict[int, list[list[str]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = _stat(int(entry.name))
            except OSError:  # ended meanwhile: its parent has its time
                continue
            children.setdefault(int(fields[_PARENT]), []).append(fields)
    return {
        name: _sum(_stat(pid)[_TIMES])
        + sum(_sum(fields[_TIMES]) for fields in children.get(pid, ()))
        for name, pid in pids.items()
    }


def peak_memory_mb(pid: int) -> float:
    """The most that was ever resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"the kernel does not say how much memory process {pid} has used")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _sum(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / _TICKS
