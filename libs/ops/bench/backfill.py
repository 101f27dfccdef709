"""One whole backfill of the generated shop, and what every process spent on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from libs.ops.bench.ceiling import Stored, read_stored
from libs.ops.bench.usage import cpu_seconds_of_all, peak_memory_mb
from libs.ops.connect import connect_as, wait_for_history
from libs.ops.demo import SHOPS
from libs.ops.errors import OperationError
from libs.ops.merchant import Merchant
from libs.ops.programs import make_secrets
from libs.ops.up import Up

_GENERATED = SHOPS[1]
_MEASURED = {"worker": "ingestor-pulls", "postgres": "postgres", "simulator": "simulator"}
"""What does the work, and its name among the processes; all else is counted together."""
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Backfill:
    """`seconds` is from the pull's start to its end, with shop facts, exports and rollups."""

    seconds: float
    cpu_seconds: Mapping[str, float]
    worker_peak_mb: float
    stored: Stored


async def run_backfill(up: Up, data_dir: Path, people: Console) -> Backfill:
    """Connects the shop and waits. Raises OperationError when not every order was counted."""
    password = make_secrets(data_dir)[_GENERATED.secret]
    before = _cpu_seconds(up)
    async with Merchant(up.state.gateway) as merchant:
        await connect_as(merchant, _GENERATED.domain, _GENERATED.user, password)
        pull = await wait_for_history(merchant, people)
    after = _cpu_seconds(up)
    stored = await read_stored(up.state.database_url, _GENERATED.domain)
    if stored.rolled_up != stored.counted:
        raise OperationError(f"the daily totals hold {stored.rolled_up} of {stored.counted} orders")
    return Backfill(
        seconds=_moment(pull["finishedAt"]) - _moment(pull["startedAt"]),
        cpu_seconds={name: after[name] - before[name] for name in after},
        worker_peak_mb=peak_memory_mb(up.pids[_MEASURED["worker"]]),
        stored=stored,
    )


def _cpu_seconds(up: Up) -> dict[str, float]:
    spent = cpu_seconds_of_all(up.pids)
    measured = {name: spent.pop(program) for name, program in _MEASURED.items()}
    return {**measured, _OTHERS: sum(spent.values())}


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
