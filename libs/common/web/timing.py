"""How long is waited for a client: for its request to come, and for its answer to be read."""

import asyncio
from collections.abc import Callable
from typing import Any

from libs.common.web.limits import (
    MIN_BYTES_READ_PER_STALL,
    STALL_SECONDS,
    HttpLimits,
    ProcessLimits,
)

_BODY_CHECK_SECONDS = 1.0


class RequestClock:
    """One wait at a time: for a first byte, a head, a body, or the end of a connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: HttpLimits) -> None:
        self._loop = loop
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        return self._timer is not None

    def start(self, seconds: float, then: Callable[..., None], *arguments: Any) -> None:
        self.stop()
        self._timer = self._loop.call_later(seconds, then, *arguments)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def start_request(
        self, time_out: Callable[[], None], received: Callable[[], int], *, in_body: bool
    ) -> None:
        """`received` says how many bytes of the request have come."""
        if in_body and self._limits.body_seconds is not None:
            now = self._loop.time()
            grace = self._limits.body_grace_seconds
            self.start(grace, self._check_body, now, time_out, received)
        else:
            self.start(self._limits.head_seconds, time_out)

    def _check_body(
        self, began: float, time_out: Callable[[], None], received: Callable[[], int]
    ) -> None:
        waited = self._loop.time() - began
        left = (self._limits.body_seconds or 0.0) - waited
        if left <= 0 or received() < waited * self._limits.min_body_rate:
            time_out()
        else:
            seconds = min(_BODY_CHECK_SECONDS, left)
            self.start(seconds, self._check_body, began, time_out, received)


class IdleWatch:
    """Closes a connection on which no request has begun for `keep_seconds`.

    One timer serves many requests: to make one for each answer costs more than the rest of this.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, process: ProcessLimits, keep_seconds: float
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_idle = False
        self._loop = loop
        self._process = process
        self._keep_seconds = keep_seconds
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self.is_idle = True
        self._process.note_idle(self)
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._keep_seconds, self._check)

    def end(self) -> None:
        self.is_idle = False
        self._process.note_busy(self)

    def stop(self) -> None:
        self.end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def evict(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _check(self) -> None:
        self._timer = None
        left = self._since + self._keep_seconds - self._loop.time()
        if not self.is_idle or self.transport is None:
            return
        if left > 0:
            self._timer = self._loop.call_later(left, self._check)
        else:
            self.transport.close()


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
