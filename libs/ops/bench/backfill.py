"""One whole backfill of the generated shop, and what every process spent on it."""

import os

from libs.ops.bench.ceiling import measure_ceilings, read_stored
from libs.ops.bench.report import Backfill, Report
from libs.ops.bench.stage import GENERATED, WORKER, Options, Stage, staged
from libs.ops.bench.usage import cpu_seconds_of_all, peak_memory_mb
from libs.ops.errors import OperationError
from libs.ops.up import Up

_BATCH_ORDERS = 2_000
_MEASURED = {"worker": WORKER, "postgres": "postgres", "simulator": "simulator"}
"""What does the work, and its name among the processes; all else is counted together."""
_OTHERS = "others"


async def measure(options: Options) -> Report:
    load = os.getloadavg()[0]
    async with staged(options, size=options.size) as stage:
        found = await _run(stage)
        options.people.print("measuring the ceiling")
        ceilings = await measure_ceilings(stage.owner_url, found.stored.tenant, _BATCH_ORDERS)
    return Report(load, found, ceilings)


async def _run(stage: Stage) -> Backfill:
    """Raises OperationError when not every order was counted."""
    up = stage.up
    before = _cpu_seconds(up)
    pull = await stage.backfill(GENERATED)
    after = _cpu_seconds(up)
    stored = await read_stored(stage.owner_url, GENERATED)
    if stored.rolled_up != stored.counted:
        raise OperationError(f"the daily totals hold {stored.rolled_up} of {stored.counted} orders")
    return Backfill(
        seconds=pull.sales_seconds,
        whole_seconds=pull.seconds,
        cpu_seconds={name: after[name] - before[name] for name in after},
        worker_peak_mb=peak_memory_mb(up.pids[WORKER]),
        stored=stored,
    )


def _cpu_seconds(up: Up) -> dict[str, float]:
    spent = cpu_seconds_of_all(up.pids)
    measured = {name: spent.pop(program) for name, program in _MEASURED.items()}
    return {**measured, _OTHERS: sum(spent.values())}
