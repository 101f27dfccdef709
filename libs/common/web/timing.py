"""How long is waited for a client: for its request to come, and for its answer to be read."""

import asyncio
from collections.abc import Callable

from libs.common.web.limits import MIN_BYTES_READ_PER_STALL, STALL_SECONDS, HttpLimits

_BODY_CHECK_SECONDS = 1.0


class RequestClock:
    """One wait at a time. `received` counts the bytes of the body that is waited for."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: HttpLimits, time_out: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._time_out = time_out
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self.received = 0

    @property
    def is_running(self) -> bool:
        return self._timer is not None

    def start(self, seconds: float, then: Callable[[], None]) -> None:
        self.stop()
        self._timer = self._loop.call_later(seconds, then)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def start_head(self) -> None:
        self.start(self._limits.head_seconds, self._time_out)

    def start_body(self) -> None:
        self._began = self._loop.time()
        self.start(self._limits.body_grace_seconds, self._check_body)

    def _check_body(self) -> None:
        waited = self._loop.time() - self._began
        longest = self._limits.body_seconds or 0.0
        if waited >= longest or self.received < waited * self._limits.min_body_rate:
            self._time_out()
        else:
            self.start(min(_BODY_CHECK_SECONDS, longest - waited), self._check_body)


class WriteWatch:
    """Looks at what is unsent every 10 s. A client that took less than 5 kB of it is cut off."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.transport: asyncio.Transport | None = None
        self._loop = loop
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Call when nothing is written for now: all writing is waiting, or an answer is whole."""
        self.stop()
        if self.transport is not None and (unsent := self.transport.get_write_buffer_size()):
            self._unsent = unsent
            self._timer = self._loop.call_later(STALL_SECONDS, self._check)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        if self.transport is None:
            return
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent > self._unsent - MIN_BYTES_READ_PER_STALL:
            self.transport.abort()
        else:
            self.begin()
