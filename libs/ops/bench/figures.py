"""The figures of one scenario, for people and for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from rich.table import Table

_DECIMALS = ((100, 0), (10, 1), (1, 2))
"""From what size on how many; what is smaller gets three."""


class Measured(Protocol):
    def as_json(self) -> dict[str, Any]: ...

    def as_table(self) -> Table: ...


@dataclass(frozen=True, slots=True)
class Figure:
    """`ratio` is to what `beside` names; neither where there is nothing to compare with."""

    name: str
    value: float
    unit: str
    wanted: str = ""
    ratio: float | None = None
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """`load` is the machine's load average over the minute before."""

    title: str
    load: float
    rows: Sequence[Figure]

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "loadAverage": self.load,
            "figures": [asdict(row) for row in self.rows],
        }

    def as_table(self) -> Table:
        title = f"{self.title}, load average {self.load:.1f} before"
        table = Table("", "figure", "wanted", "ratio", "to", title=title)
        for row in self.rows:
            figure = f"{_number(row.value)} {row.unit}".rstrip()
            share = "" if row.ratio is None else f"{row.ratio:.2f}"
            table.add_row(row.name, figure, row.wanted, share, row.beside)
        return table


def ratio(value: float, base: float) -> float | None:
    """None where there is nothing to divide by."""
    return value / base if base else None


def _number(value: float) -> str:
    decimals = next((count for least, count in _DECIMALS if abs(value) >= least), 3)
    return f"{value:,.0f}" if value == int(value) else f"{value:,.{decimals}f}"
