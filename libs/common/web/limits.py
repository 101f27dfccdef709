"""How long a server listens to one client, and how much of what clients send it holds at once."""

from dataclasses import dataclass
from typing import Protocol

from libs.common.logs import get_logger

READ_BYTES = 64 * 1024
"""Of one connection at a time."""
MAX_HEAD_BYTES = 48 * 1024
"""Of a request line and its header fields, before anything of them is parsed."""
MAX_HEAD_LINES = 102
"""The request line, 100 header fields, the empty line."""
FIRST_BYTE_TIMEOUT_SECONDS = 10.0
"""For a new connection that has sent nothing yet."""
LINGER_SECONDS = 2.0
"""What still comes is thrown away for so long, so that the client can read why it was refused."""
STALL_SECONDS = 10.0
"""How often a client that does not read its answer is looked at."""
MIN_BYTES_READ_PER_STALL = 5 * 1024
_FULL_LOG_SECONDS = 10.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """The defaults are for people and for our own services.

    Times run from a request's first byte, never while a kept connection is idle. `body_seconds`
    begins at the end of the head; None: `head_seconds` are for head and body together. After
    `body_grace_seconds` a body must have come at `min_body_rate` bytes a second on average. A
    request may hold `free_bytes`; what it holds beyond is taken from `shared_bytes`, which all
    requests of the process have together.
    """

    head_seconds: float = 10.0
    body_seconds: float | None = 20.0
    body_grace_seconds: float = 5.0
    min_body_rate: float = 500.0
    free_bytes: int = 16 * 1024
    shared_bytes: int = 8 * 1024 * 1024
    max_connections: int = 768


class Evictable(Protocol):
    def evict(self) -> None: ...


class ProcessLimits:
    """What all connections of a process share."""

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self.shared_left = limits.shared_bytes
        self.buffer = bytearray(READ_BYTES)
        self._idle: dict[Evictable, None] = {}
        self._silent_until = 0.0

    def note_idle(self, connection: Evictable) -> None:
        self._idle[connection] = None

    def note_busy(self, connection: Evictable) -> None:
        self._idle.pop(connection, None)

    def make_room(self) -> bool:
        """Close the connection that has been idle for longest; False when none is."""
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        del self._idle[longest]
        longest.evict()
        return True

    def log_full(self, now: float) -> None:
        """Once in a while: whoever fills the process must not fill the log as well."""
        if now >= self._silent_until:
            self._silent_until = now + _FULL_LOG_SECONDS
            log.warning("connections_refused", limit=self.limits.max_connections)
