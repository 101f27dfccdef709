"""`make bench-ingest`: what the ingestion does on this machine, in one scenario after the other.

Each has everything private to itself, on this machine, as `tillstream up --with-simulator` starts
it: PostgreSQL syncs each commit to disk, and the simulator answers without latency or limits
unless the scenario is about them. Nothing is judged: the figures are for people, and depend on
what else the machine is doing. docs/benchmarks.md says how to read them.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from libs.common.errors import PlatformError
from libs.ops.bench import (
    backfill,
    exports,
    fairness,
    incremental,
    kills,
    memory,
    simulator,
    throttle,
)
from libs.ops.bench.figures import Measured
from libs.ops.bench.stage import Options
from libs.ops.files import write_json
from libs.ops.up import stopped_by_signals

_KILLS = 20
_TARGET = Path("test-results/bench-ingest.json")


class Scenario(NamedTuple):
    """`size` is how many orders its largest shop has unless the command line says."""

    measure: Callable[[Options], Awaitable[Measured]]
    size: int
    what: str


SCENARIOS = {
    "backfill": Scenario(
        backfill.measure, 100_000, "a whole history, beside the machine's own ceiling"
    ),
    "incremental": Scenario(
        incremental.measure, 50_000, "a pull of 0.1, 1 and 4 % changed orders: seconds a change"
    ),
    "throttle": Scenario(
        throttle.measure, 4_000, "page reads under Shopify's limit, beside the least time"
    ),
    "exports": Scenario(
        exports.measure, 20_000, "five bulk operations at once, beside one at a time"
    ),
    "kills": Scenario(
        kills.measure, 60_000, "a worker killed 20 times in one backfill: state, work redone"
    ),
    "memory": Scenario(
        memory.measure, 100_000, "the worker's peak, for a history and for a tenth of it"
    ),
    "fairness": Scenario(
        fairness.measure, 50_000, "small shops alone, and beside a large one's backfill"
    ),
    "simulator": Scenario(
        simulator.measure, 1_000_000, "the simulator alone: its start, its exports, its peak"
    ),
}


def main() -> None:
    arguments = parser().parse_args()
    people = Console(stderr=True, highlight=False)
    measured = asyncio.run(_measure_all(arguments, people))
    if len(measured) < len(arguments.scenarios or SCENARIOS):
        raise SystemExit("not every scenario came to its end")


async def _measure_all(arguments: argparse.Namespace, people: Console) -> dict[str, Any]:
    """By name, each shown and written as soon as it is there; without what failed."""
    measured: dict[str, Any] = {}
    options = Options(0, arguments.kills, people)
    async with stopped_by_signals(options.pids):
        for name in arguments.scenarios or SCENARIOS:
            scenario = SCENARIOS[name]
            people.print(f"{name}: {scenario.what}", markup=False)
            try:
                found = await scenario.measure(options.sized(arguments.size or scenario.size))
            except PlatformError as error:
                people.print(f"{name}: {error.message}", markup=False)
                continue
            measured[name] = found.as_json()
            write_json(arguments.json, {"scenarios": measured})
            Console(highlight=False).print(found.as_table())
    return measured


def parser() -> argparse.ArgumentParser:
    lines = [f"  {name:<12}{each.what} ({each.size:,})" for name, each in SCENARIOS.items()]
    found = argparse.ArgumentParser(
        prog="python -m libs.ops.bench.ingest",
        description=__doc__,
        epilog="\n".join(["scenarios, and the orders of their largest shop:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument(
        "scenarios", type=_scenario, nargs="*", metavar="SCENARIO", help="all unless given"
    )
    found.add_argument("--size", type=int, help="orders of the largest shop of each scenario")
    found.add_argument("--kills", type=int, default=_KILLS, help=f"{_KILLS} unless given")
    found.add_argument("--json", type=Path, default=_TARGET, help="where the figures go")
    return found


def _scenario(text: str) -> str:
    if text not in SCENARIOS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(SCENARIOS)}")
    return text


if __name__ == "__main__":
    main()
