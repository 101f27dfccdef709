"""The buckets of one shop and app: they empty as it asks and fill again with time."""

import time
from collections.abc import Callable
from threading import Lock

from libs.simulator.plans import PLANS, Rate

Clock = Callable[[], float]


class Bucket:
    """Begins full. Safe to use from several threads. `spent` is all that was ever taken."""

    def __init__(self, rate: Rate, clock: Clock = time.monotonic) -> None:
        self.rate = rate
        self.spent = 0.0
        self._clock = clock
        self._level = float(rate.capacity)
        self._seen_at = clock()
        self._lock = Lock()

    def take(self, amount: float) -> bool:
        """False, and nothing is taken, when there is not enough."""
        with self._lock:
            if amount > self._filled():
                return False
            self._level -= amount
            self.spent += amount
            return True

    def give_back(self, amount: float) -> None:
        with self._lock:
            self._level = min(float(self.rate.capacity), self._filled() + amount)
            self.spent -= amount

    def available(self) -> float:
        with self._lock:
            return self._filled()

    def _filled(self) -> float:
        now = self._clock()
        gained = (now - self._seen_at) * self.rate.per_second
        self._seen_at = now
        self._level = min(float(self.rate.capacity), self._level + gained)
        return self._level


class Buckets:
    """A shop that changes its plan begins with the new plan's buckets, full."""

    def __init__(self) -> None:
        self._points: dict[str, Bucket] = {}
        self._calls: dict[str, Bucket] = {}

    def points(self, plan: str) -> Bucket:
        return self._points.setdefault(plan, Bucket(PLANS[plan].points))

    def calls(self, plan: str) -> Bucket:
        return self._calls.setdefault(plan, Bucket(PLANS[plan].calls))
