"""`make bench-ingest`: a backfill end to end, beside the ceiling measured in the same run.

Everything is private to the run, on this machine, as `tillstream up --with-simulator` starts it:
PostgreSQL syncs each commit to disk, the simulator answers without latency and never throttles.
Nothing is judged: the figures are for people, and depend on what else the machine is doing.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from rich.console import Console

from libs.common.errors import PlatformError
from libs.ops.bench.backfill import run_backfill
from libs.ops.bench.ceiling import measure_ceilings
from libs.ops.bench.report import Report
from libs.ops.files import write_json
from libs.ops.up import ANY_PORT, Up, UpOptions, stopped_by_signals

_SIZE = 100_000
_LINES = 3
_BATCH_ORDERS = 2_000
_TARGET = Path("test-results/bench-ingest.json")


async def bench(size: int, folder: Path, people: Console) -> Report:
    """Raises OperationError when the backfill does not end well."""
    up = Up(
        UpOptions(
            folder,
            {"LOG_LEVEL": "WARNING"},
            with_simulator=True,
            port=ANY_PORT,
            size=size,
            lines=_LINES,
        ),
        lambda line: people.print(line, markup=False),
    )
    async with stopped_by_signals(lambda: up.pids), up.running() as state:
        load = os.getloadavg()[0]
        backfill = await run_backfill(up, folder, people)
        people.print("measuring the ceiling")
        ceilings = await measure_ceilings(state.database_url, backfill.stored.tenant, _BATCH_ORDERS)
    return Report(load, backfill, ceilings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=_SIZE, help="orders of the generated shop")
    parser.add_argument("--json", type=Path, default=_TARGET, help="where the figures go")
    options = parser.parse_args()
    people = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        folder = Path(name)
        # PostgreSQL's own user has to walk through it.
        folder.chmod(0o711)
        try:
            report = asyncio.run(bench(options.size, folder, people))
        except PlatformError as error:
            raise SystemExit(error.message) from None
    write_json(options.json, report.as_json())
    Console(highlight=False).print(report.as_table())


if __name__ == "__main__":
    main()
