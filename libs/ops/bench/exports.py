"""Five bulk operations at once beside one at a time, where each takes Shopify its time.

One at a time is the same exports in a shop that runs but one: what each took, without the time
between them, as if the next had begun at once.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from libs.ops.bench.figures import Figure, Figures
from libs.ops.bench.stage import GENERATED, LINES, Options, staged

_SECONDS_IN_ALL = 60
_CUSTOMERS_AN_ORDER = 0.35
_WANTED = "at least 3"


class Spans(NamedTuple):
    """Seconds: of each operation, and from the first one's start to the last one's end."""

    each: Sequence[float]
    whole: float


async def measure(options: Options) -> Figures:
    load = os.getloadavg()[0]
    pace = round(options.size * (1 + LINES + _CUSTOMERS_AN_ORDER) / _SECONDS_IN_ALL)
    async with (
        staged(options, size=options.size) as stage,
        stage.control(GENERATED) as control,
    ):
        await control.set_faults(bulkPace=pace)
        await stage.backfill(GENERATED)
        at_once = await control.operations()
        await control.set_faults(bulkPace=pace, bulkAtOnce=1)
        await stage.pull_all(GENERATED)
        alone = (await control.operations())[len(at_once) :]
    together, in_turn = spans(at_once), sum(spans(alone).each)
    return Figures(
        f"exports: {options.size:,} orders, an operation writes {pace:,} objects a second",
        load,
        [
            Figure("operations", len(at_once), ""),
            Figure("one at a time", in_turn, "s"),
            Figure(
                "five at once",
                together.whole,
                "s",
                _WANTED,
                in_turn / together.whole,
                "one by five",
            ),
        ],
    )


def spans(operations: Sequence[Mapping[str, Any]]) -> Spans:
    """Shopify tells whole seconds."""
    began = [datetime.fromisoformat(each["createdAt"]) for each in operations]
    ended = [datetime.fromisoformat(each["completedAt"]) for each in operations]
    each = [(end - begin).total_seconds() for begin, end in zip(began, ended, strict=True)]
    return Spans(each, (max(ended) - min(began)).total_seconds())
