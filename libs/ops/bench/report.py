"""The figures of a backfill, for people and for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from libs.ops.bench.ceiling import Ceiling, Stored

_WANTED = "wanted: 4,000 orders/s, 0.5 of a ceiling, under 200 MB"


@dataclass(frozen=True, slots=True)
class Backfill:
    """`seconds` is from the pull's start until customers, orders and products are in and proved,
    with shop facts, exports and rollups; `whole_seconds` until all further entities are in too.
    """

    seconds: float
    whole_seconds: float
    cpu_seconds: Mapping[str, float]
    worker_peak_mb: float
    stored: Stored


@dataclass(frozen=True, slots=True)
class Report:
    """`load` is the machine's load average over the minute before the backfill."""

    load: float
    backfill: Backfill
    ceilings: Mapping[str, Ceiling]

    @property
    def _orders(self) -> int:
        return self.backfill.stored.orders

    @property
    def _lines(self) -> int:
        return self.backfill.stored.lines

    def as_json(self) -> dict[str, Any]:
        return {
            "loadAverage": self.load,
            "orders": self._orders,
            "lines": self._lines,
            "backfill": {
                **self._pace(self.backfill.seconds),
                "wholeSeconds": round(self.backfill.whole_seconds, 2),
                "cpuSeconds": {
                    name: round(seconds, 2) for name, seconds in self.backfill.cpu_seconds.items()
                },
                "workerPeakMb": round(self.backfill.worker_peak_mb, 1),
            },
            "ceilings": {
                name: {
                    **self._pace(ceiling.seconds),
                    "cpuSeconds": {
                        "client": round(ceiling.client_cpu, 2),
                        "postgres": round(ceiling.server_cpu, 2),
                    },
                    "ratio": round(ceiling.seconds / self.backfill.seconds, 3),
                }
                for name, ceiling in self.ceilings.items()
            },
        }

    def as_table(self) -> Table:
        table = Table(
            *("", "seconds", "orders/s", "lines/s", "of the ceiling", "CPU seconds"),
            title=f"{self._orders:,} orders, {self._lines:,} lines, "
            f"load average {self.load:.1f} before",
            caption=f"peak memory of the worker: {self.backfill.worker_peak_mb:.0f} MB\n{_WANTED}",
        )
        spent = self.backfill.cpu_seconds
        self._add(table, "backfill, end to end", self.backfill.seconds, None, {})
        self._add(table, "with further entities", self.backfill.whole_seconds, None, spent)
        for name, ceiling in self.ceilings.items():
            cpu = {"client": ceiling.client_cpu, "postgres": ceiling.server_cpu}
            self._add(table, f"ceiling: {name}", ceiling.seconds, ceiling, cpu)
        return table

    def _add(
        self,
        table: Table,
        name: str,
        seconds: float,
        ceiling: Ceiling | None,
        cpu: Mapping[str, float],
    ) -> None:
        table.add_row(
            name,
            f"{seconds:.1f}",
            f"{self._orders / seconds:,.0f}",
            f"{self._lines / seconds:,.0f}",
            "" if ceiling is None else f"{ceiling.seconds / self.backfill.seconds:.2f}",
            ", ".join(f"{part} {used:.1f}" for part, used in cpu.items()),
        )

    def _pace(self, seconds: float) -> dict[str, float]:
        return {
            "seconds": round(seconds, 2),
            "ordersPerSecond": round(self._orders / seconds, 1),
            "linesPerSecond": round(self._lines / seconds, 1),
        }
