"""The most memory that the worker ever had, for a history and for one ten times as long."""

import os

from libs.ops.bench.figures import Figure, Figures
from libs.ops.bench.stage import GENERATED, WORKER, Options, staged
from libs.ops.bench.usage import peak_memory_mb

_SMALLER_BY = 10
_MOST = "under 200 MB"
_FLAT = "under 200 MB, flat"


async def measure(options: Options) -> Figures:
    """A worker of its own for each, since a peak is of a process's whole life."""
    load = os.getloadavg()[0]
    small = options.size // _SMALLER_BY
    least, most = await _peak(options, small), await _peak(options, options.size)
    return Figures(
        "memory: the worker's peak in a backfill",
        load,
        [
            Figure(f"{small:,} orders", least, "MB", _MOST),
            Figure(
                f"{options.size:,} orders", most, "MB", _FLAT, most / least, "the shorter history"
            ),
        ],
    )


async def _peak(options: Options, size: int) -> float:
    async with staged(options, size=size) as stage:
        await stage.backfill(GENERATED)
        return peak_memory_mb(stage.up.pids[WORKER])
