"""What changed is pulled in time that grows with the change, and not with the shop."""

import os
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from libs.ops.bench.books import Pull
from libs.ops.bench.figures import Figure, Figures, ratio
from libs.ops.bench.stage import GENERATED, WORKER, FileShop, Options, Stage, staged
from libs.ops.bench.usage import cpu_seconds_of_all
from libs.ops.errors import OperationError

_SHARES = (0.001, 0.01, 0.04)
_COMPARED = 0.01
_TIMES_NOTHING = 3
_OURS = (WORKER, "postgres")
_SMALL = "tenth.myshopify.com"
_SMALLER_BY = 10
_APART = timedelta(minutes=11)
"""A pull looks back for ten: what was changed for the one before is not read again."""


class Change(NamedTuple):
    """So many orders changed, and their pull; `cpu` is the worker's and PostgreSQL's."""

    orders: int
    seconds: float
    cpu: float

    def each(self, nothing: "Change") -> tuple[float, float]:
        """Seconds and CPU seconds of a change, above those of a pull that finds nothing."""
        seconds, cpu = self.seconds - nothing.seconds, self.cpu - nothing.cpu
        return max(0.0, seconds) / self.orders, max(0.0, cpu) / self.orders


async def measure(options: Options) -> Figures:
    small = options.size // _SMALLER_BY
    load = os.getloadavg()[0]
    async with staged(options, size=options.size, shops=[FileShop(_SMALL, small)]) as stage:
        await stage.backfill(GENERATED)
        await stage.backfill(_SMALL)
        await stage.settle()
        counts = [round(options.size * share) for share in _SHARES]
        in_large = await _pull_each(stage, GENERATED, [0, *counts])
        in_small = await _pull_each(stage, _SMALL, [0, round(options.size * _COMPARED)])
    return Figures(
        f"incremental: {options.size:,} orders, some of them changed",
        load,
        [*_rows(options.size, in_large), *_rows_of_small(small, in_small, in_large)],
    )


async def _pull_each(stage: Stage, shop: str, counts: list[int]) -> list[Change]:
    found = []
    async with stage.control(shop) as control:
        await control.set_faults(drop=1.0)
    for number, count in enumerate(counts, 1):
        await stage.set_clock(number * _APART)
        await stage.change_orders(shop, count)
        times = 1 if count else _TIMES_NOTHING
        before = _cpu_seconds(stage)
        pulls = [await stage.pull_changes(shop) for _ in range(times)]
        cpu = (_cpu_seconds(stage) - before) / times
        _check(pulls[0], count)
        found.append(Change(count, median(pull.seconds for pull in pulls), cpu))
    return found


def _cpu_seconds(stage: Stage) -> float:
    pids = stage.up.pids
    return sum(cpu_seconds_of_all({name: pids[name] for name in _OURS}).values())


def _check(pull: Pull, changed: int) -> None:
    if pull.records != changed:
        raise OperationError(f"{changed} orders were changed and {pull.records} records pulled")


def _rows(size: int, changes: list[Change]) -> list[Figure]:
    nothing, *rest = changes
    compared = next(each for each in rest if each.orders == round(size * _COMPARED))
    rows = [Figure("nothing changed", nothing.seconds, "s")]
    for change in rest:
        share = f"{change.orders / size:.1%}"
        each = _each(
            share, change.each(nothing), compared.each(nothing), f"each of {_COMPARED:.0%}"
        )
        rows += [Figure(f"{share}, {change.orders:,} orders", change.seconds, "s"), *each]
    return rows


def _rows_of_small(small: int, in_small: list[Change], in_large: list[Change]) -> list[Figure]:
    nothing, changed = in_small
    alike = next(each for each in in_large if each.orders == changed.orders)
    each = changed.each(nothing)
    name = f"{changed.orders:,} of {small:,}"
    return _each(name, each, alike.each(in_large[0]), "the large shop's")


def _each(
    name: str, costs: tuple[float, float], compared: tuple[float, float], beside: str
) -> list[Figure]:
    rows = zip(("each", "each, CPU"), costs, compared, strict=True)
    return [
        Figure(f"{name}: {kind}", cost * 1000, "ms", "about 1", ratio(cost, base), beside)
        for kind, cost, base in rows
    ]
