"""How often something was done of late, counted for all replicas where Redis is set.

Without Redis, and while it is out, each process counts for itself: the API stays up.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from pydantic import SecretStr

from libs.common.logs import get_logger

_ANSWER_SECONDS = 0.25
_AWAY_SECONDS = 5.0
"""How long Redis is left alone after it failed, so that not every request waits for it."""

_Result = TypeVar("_Result")

log = get_logger()


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one caller stands after a hit; `reset_seconds` until the next one is free."""

    limit: Limit
    allowed: bool
    remaining: int
    reset_seconds: int


@dataclass(frozen=True, slots=True)
class Tally:
    """A count that is forgotten `seconds_left` from now."""

    count: int
    seconds_left: int


class Counters:
    """Rates in a sliding window: no burst of twice the limit fits around a full minute.

    Tallies beside them: a count that is forgotten a fixed time after the first of it. No method
    fails; while Redis is out all of them know only what this process has counted.
    """

    def __init__(
        self,
        redis_url: SecretStr | None,
        *,
        answer_seconds: float = _ANSWER_SECONDS,
        away_seconds: float = _AWAY_SECONDS,
    ) -> None:
        self._memory = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._storage = _redis(redis_url, answer_seconds) if redis_url else None
        self._redis = SlidingWindowCounterRateLimiter(self._storage) if self._storage else None
        self._answer_seconds = answer_seconds
        self._away_seconds = away_seconds
        self._away_until = -math.inf
        self._is_out = False

    async def close(self) -> None:
        if self._storage:
            await self._storage.bridge.get_connection().aclose()  # type: ignore[attr-defined]

    async def hit(self, limit: Limit, key: str) -> Standing:
        """Count one more, unless the limit is reached already."""
        return await self._either(lambda limiter: _count(limiter, limit, key))

    async def add(self, key: str, seconds: int, amount: int = 1) -> int:
        """The count with `amount` more. The first is forgotten `seconds` later, with all after."""
        return await self._either(lambda limiter: limiter.storage.incr(key, seconds, amount))

    async def read(self, key: str) -> Tally:
        return await self._either(lambda limiter: _tally(limiter, key))

    async def forget(self, key: str) -> None:
        await self._either(lambda limiter: limiter.storage.clear(key))

    async def _either(
        self, work: Callable[[SlidingWindowCounterRateLimiter], Awaitable[_Result]]
    ) -> _Result:
        """`work` on Redis; on what this process counts without it, or while it is out."""
        if self._redis and time.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(self._answer_seconds):
                    done = await work(self._redis)
            except (StorageError, TimeoutError, OSError) as error:
                self._lost(error)
            else:
                self._found()
                return done
        return await work(self._memory)

    def _lost(self, error: Exception) -> None:
        self._away_until = time.monotonic() + self._away_seconds
        if not self._is_out:
            self._is_out = True
            log.warning("rate_limits_in_memory", reason=type(error).__name__)

    def _found(self) -> None:
        if self._is_out:
            self._is_out = False
            log.info("rate_limits_in_redis")


def _redis(url: SecretStr, answer_seconds: float) -> RedisStorage:
    return RedisStorage(
        f"async+{url.get_secret_value()}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="tillstream",
        socket_timeout=answer_seconds,
        socket_connect_timeout=answer_seconds,
    )


async def _count(limiter: SlidingWindowCounterRateLimiter, limit: Limit, key: str) -> Standing:
    item = RateLimitItemPerMinute(limit.per_minute, namespace=limit.name)
    allowed = await limiter.hit(item, key)
    stats = await limiter.get_window_stats(item, key)
    return Standing(
        limit=limit,
        allowed=allowed,
        remaining=stats.remaining if allowed else 0,
        reset_seconds=max(1, math.ceil(stats.reset_time - time.time())),
    )


async def _tally(limiter: SlidingWindowCounterRateLimiter, key: str) -> Tally:
    count = await limiter.storage.get(key)
    if count == 0:
        return Tally(0, 0)
    left = await limiter.storage.get_expiry(key) - time.time()
    return Tally(count, max(1, math.ceil(left)))
