"""A loop whose time leaps to the next timer as soon as nothing else is left to do.

Minutes of waiting take no time, and what was waited is exact. For code without real sockets:
an answer that is still under way would be leapt over.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any


class _LeapingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.leapt = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            return super().select(None)
        if not ready and timeout is not None:
            self.leapt += max(0.0, timeout)
        return ready


class LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaps = _LeapingSelector()
        super().__init__(self._leaps)

    def time(self) -> float:
        return self._leaps.leapt


def in_leaping_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Decorates a test that is to run in such a loop."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=LeapingLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
