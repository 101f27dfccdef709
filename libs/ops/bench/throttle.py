"""Page reads under Shopify's real limit: points divided by the restore rate, and little more."""

import os
from collections.abc import Mapping
from typing import Any

from libs.ops.bench.figures import Figure, Figures, ratio
from libs.ops.bench.stage import GENERATED, Options, staged

_CHANGED = 0.75
_WANTED = "at most 1.10"


async def measure(options: Options) -> Figures:
    load = os.getloadavg()[0]
    changed = round(options.size * _CHANGED)
    async with (
        staged(options, size=options.size) as stage,
        stage.control(GENERATED) as control,
    ):
        await stage.backfill(GENERATED)
        await control.set_faults(drop=1.0)
        await stage.change_orders(GENERATED, changed)
        await control.set_faults(drop=1.0, throttle=True)
        pull = await stage.pull_changes(GENERATED)
        points = await control.points()
    least = least_seconds(points)
    return Figures(
        f"throttle: {changed:,} changed orders, page by page",
        load,
        [
            Figure("points spent", points["spent"], "points"),
            Figure("points at the start", points["capacity"], "points"),
            Figure("points restored", points["perSecond"], "points/s"),
            Figure("least time for these", least, "s"),
            Figure(
                "the pull", pull.seconds, "s", _WANTED, ratio(pull.seconds, least), "the least time"
            ),
        ],
    )


def least_seconds(points: Mapping[str, Any]) -> float:
    """To spend these points by a bucket that was full at the start."""
    missing = float(points["spent"]) - float(points["capacity"])
    return max(0.0, missing) / float(points["perSecond"])
