"""How long a small shop's history takes alone, and while a large shop's is coming in."""

import asyncio
import os
from statistics import median

from libs.ops.bench.books import Books, Pull, open_books
from libs.ops.bench.figures import Figure, Figures
from libs.ops.bench.stage import GENERATED, FileShop, Options, Stage, staged
from libs.ops.errors import OperationError

_SMALL_ORDERS = 200
_ALONE = ("alone-1.myshopify.com", "alone-2.myshopify.com", "alone-3.myshopify.com")
_BESIDE = ("beside-1.myshopify.com", "beside-2.myshopify.com", "beside-3.myshopify.com")
_POLL_SECONDS = 0.1


async def measure(options: Options) -> Figures:
    load = os.getloadavg()[0]
    shops = [FileShop(domain, _SMALL_ORDERS) for domain in (*_ALONE, *_BESIDE)]
    async with staged(options, size=options.size, shops=shops) as stage:
        alone = [await _seconds(stage, shop) for shop in _ALONE]
        await stage.connect(GENERATED)
        async with open_books(stage.owner_url, GENERATED) as large:
            await _until_importing(large)
            beside = [await _seconds(stage, shop) for shop in _BESIDE]
            if await large.is_over():
                raise OperationError("the large shop was through too soon: give more --size")
            pull = await large.pull_after(None)
    return _figures(options.size, load, alone, beside, pull)


async def _seconds(stage: Stage, shop: str) -> float:
    """From the merchant's consent to the end, so that a wait for a turn counts."""
    pull = await stage.backfill(shop)
    return pull.finished_at - pull.requested_at


async def _until_importing(large: Books) -> None:
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        if await large.applied() or await large.is_over():
            return


def _figures(
    size: int, load: float, alone: list[float], beside: list[float], large: Pull
) -> Figures:
    usual, slowest = median(alone), max(beside)
    return Figures(
        f"fairness: shops of {_SMALL_ORDERS} orders beside one of {size:,}",
        load,
        [
            Figure("alone, median", usual, "s"),
            Figure("beside, median", median(beside), "s", "", median(beside) / usual, "alone"),
            Figure("beside, slowest", slowest, "s", "", slowest / usual, "alone"),
            Figure(
                "the large shop itself",
                large.seconds,
                "s",
                "far above 1",
                large.seconds / slowest,
                "the slowest small one",
            ),
        ],
    )
