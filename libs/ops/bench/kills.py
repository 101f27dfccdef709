"""A worker that is killed again and again during one backfill: what is in at the end, and how
much was done twice.

It is killed each time another share of the records is in. What a killed worker had written but
not committed is undone by PostgreSQL and written again: that is the work redone, and so is what
a checkpoint lost.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from operator import le, ne
from random import Random
from statistics import median
from typing import NamedTuple

from libs.ops import keyring
from libs.ops.bench.books import Books, Pull, open_books
from libs.ops.bench.figures import Figure, Figures
from libs.ops.bench.stage import GENERATED, WORKER, Options, Stage, staged
from libs.ops.connect import connect_as
from libs.ops.demo import SHOPS
from libs.ops.errors import OperationError
from libs.ops.merchant import Merchant
from libs.ops.truth import settled_rows

_POLL_SECONDS = 0.05
_LONGEST_SECONDS = 600
_WITHIN_SECONDS = 0.7
"""From a commit to the kill, by chance: it falls into anything that is done for a batch."""

_SETTLE_SECONDS = 1.5
"""A backend that ended a transaction tells what it counted within a second."""


class Recovery(NamedTuple):
    """After one kill: seconds until the next record was in, and records that were in no longer."""

    seconds: float
    lost: int


class Redone(NamedTuple):
    """`undone` are rows that were written and not committed."""

    recoveries: Sequence[Recovery]
    undone: int

    @property
    def records(self) -> int:
        return self.undone + sum(each.lost for each in self.recoveries)


async def measure(options: Options) -> Figures:
    load = os.getloadavg()[0]
    shop = SHOPS[1]
    async with (
        staged(options, size=options.size) as stage,
        stage.control(GENERATED) as control,
        Merchant(stage.up.state.gateway) as merchant,
    ):
        await connect_as(merchant, GENERATED, shop.user, keyring.password())
        async with open_books(stage.owner_url, GENERATED) as books:
            recoveries = await _kill_often(stage, books, options)
            pull = await books.pull_after(None)
            await asyncio.sleep(_SETTLE_SECONDS)
            undone = await books.orders_written_in_vain()
            shown = await settled_rows(control, merchant, shop.month)
            before = await books.digest()
            await stage.pull_all(GENERATED)
            after = await books.digest()
    wrong = sum(not row.equal for row in shown)
    unequal = sum(before[table] != after[table] for table in before)
    return _figures(options, load, pull, Redone(recoveries, undone), (wrong, unequal))


async def _kill_often(stage: Stage, books: Books, options: Options) -> list[Recovery]:
    step = options.size // (options.kills + 1)
    chance = Random(options.kills)  # noqa: S311 - the same moments in every run
    recoveries = []
    for number in range(1, options.kills + 1):
        await _until(books, partial(le, step * number))
        await asyncio.sleep(chance.uniform(0, _WITHIN_SECONDS))
        recoveries.append(await _kill(stage, books))
    return recoveries


async def _kill(stage: Stage, books: Books) -> Recovery:
    clock = asyncio.get_running_loop().time
    killed = stage.up.pids[WORKER]
    stage.up.kill(WORKER)
    began = clock()
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        if stage.up.pids[WORKER] != killed:
            break
    # Not before: what the killed one had sent may have been committed after its end.
    held = await books.applied()
    moved = await _until(books, partial(ne, held))
    return Recovery(clock() - began, max(0, held - moved))


async def _until(books: Books, is_reached: Callable[[int], bool]) -> int:
    """The records that are in then. Raises OperationError when the backfill ended before."""
    async with asyncio.timeout(_LONGEST_SECONDS):
        while not is_reached(applied := await books.applied()):
            if await books.is_over():
                raise OperationError("the backfill was over before all kills: give more --size")
            await asyncio.sleep(_POLL_SECONDS)
    return applied


def _figures(
    options: Options, load: float, pull: Pull, redone: Redone, differing: tuple[int, int]
) -> Figures:
    wrong, unequal = differing
    recovered = [each.seconds for each in redone.recoveries]
    return Figures(
        f"kills: {options.size:,} orders, the worker killed {options.kills} times",
        load,
        [
            Figure("the backfill", pull.seconds, "s"),
            Figure("standing still after a kill, median", median(recovered), "s"),
            Figure("standing still after a kill, longest", max(recovered), "s"),
            Figure(
                "records done twice",
                redone.records,
                "",
                "under 0.20",
                redone.records / pull.records,
                "all records",
            ),
            Figure("figures unlike the shop's own", wrong, "", "0"),
            Figure("tables unlike after a whole pull", unequal, "", "0"),
        ],
    )
