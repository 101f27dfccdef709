"""Spends what a shop's bucket holds, and waits before a call that would overflow it.

GraphQL's bucket holds points, REST's holds calls. Each answer tells how full it is, so nothing is
known of it before the first. One bucket is shared by all calls of one shop in this process; they
are served in the order in which they came.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

_NO_TIME_SECONDS = 0.001


class Cost(NamedTuple):
    """What a call asked for, and the state of the shop's bucket after it."""

    requested: float
    available: float
    maximum: float
    restore_rate: float

    @property
    def seconds_missing(self) -> float:
        return max(0.0, (self.requested - self.available) / self.restore_rate)


class Spending:
    """One call under way, and what it is thought to cost."""

    def __init__(self, bucket: "Bucket", what: str, amount: float) -> None:
        self._bucket = bucket
        self._what = what
        self.amount = amount

    def learn(self, cost: Cost) -> None:
        """Hear what the call's own answer tells."""
        self._bucket.learn(self._what, cost, already_spent=self.amount)


class Bucket:
    """`default_cost` is that of a call whose like has not been answered yet."""

    def __init__(self, default_cost: float) -> None:
        self._default_cost = default_cost
        self._costs: dict[str, float] = {}
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._available = float("inf")
        self._maximum = float("inf")
        self._restore_rate = 1.0
        self._filled_at = 0.0
        self._closed_until = 0.0
        self._under_way = 0.0

    @asynccontextmanager
    async def spend(self, what: str) -> AsyncIterator[Spending]:
        """Wait until there is enough for a call like `what`; the block is the call."""
        async with self._turn:
            amount = await self._wait_for(what)
            self._available -= amount
            self._under_way += amount
        try:
            yield Spending(self, what, amount)
        finally:
            self._under_way -= amount

    def learn(self, what: str, cost: Cost, *, already_spent: float) -> None:
        # Other calls under way may be counted in the answer already or not. They are taken for
        # not counted, which the answer of the last one sets right.
        self._costs[what] = cost.requested
        self._available = cost.available - (self._under_way - already_spent)
        self._maximum, self._restore_rate = cost.maximum, cost.restore_rate
        self._filled_at = asyncio.get_running_loop().time()
        self._news.set()

    def close_for(self, seconds: float) -> None:
        """Let no call through for so long."""
        until = asyncio.get_running_loop().time() + seconds
        self._closed_until = max(self._closed_until, until)

    async def _wait_for(self, what: str) -> float:
        while True:
            amount = self._costs.get(what, self._default_cost)
            seconds = self._seconds_until(amount)
            if seconds < _NO_TIME_SECONDS:
                return amount
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()

    def _seconds_until(self, amount: float) -> float:
        now = asyncio.get_running_loop().time()
        gained = (now - self._filled_at) * self._restore_rate
        self._available = min(self._maximum, self._available + gained)
        self._filled_at = now
        # More than the bucket can hold is for Shopify to refuse.
        missing = min(amount, self._maximum) - self._available
        return max(self._closed_until - now, missing / self._restore_rate)
