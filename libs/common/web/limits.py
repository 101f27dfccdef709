"""How long a server listens to one client, and how much of what clients send it holds at once."""

from collections.abc import Callable
from dataclasses import dataclass

from libs.common.logs import get_logger

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


class HeldBytes:
    """What one request holds. Give it back when the request has ended, however it did."""

    def __init__(self, process: "ProcessLimits") -> None:
        self._process = process
        self._size = 0
        self._borrowed = 0

    def grow(self, size: int) -> bool:
        """False when the process holds too much already; then nothing is taken."""
        needed = self._size + size - self._process.limits.free_bytes - self._borrowed
        if needed > 0:
            if needed > self._process.shared_left:
                return False
            self._process.shared_left -= needed
            self._borrowed += needed
        self._size += size
        return True

    def give_back(self) -> None:
        self._process.shared_left += self._borrowed
        self._borrowed = self._size = 0


class ProcessLimits:
    """What all connections of a process share."""

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self.shared_left = limits.shared_bytes
        self._idle: dict[object, Callable[[], None]] = {}
        self._silent_until = 0.0

    def note_idle(self, connection: object, close: Callable[[], None]) -> None:
        self._idle[connection] = close

    def note_busy(self, connection: object) -> bool:
        """Whether it was idle until now."""
        return self._idle.pop(connection, None) is not None

    def make_room(self) -> bool:
        """Close the connection that has been idle for longest; False when none is."""
        if not self._idle:
            return False
        close = self._idle.pop(next(iter(self._idle)))
        close()
        return True

    def log_full(self, now: float) -> None:
        """Once in a while: whoever fills the process must not fill the log as well."""
        if now >= self._silent_until:
            self._silent_until = now + _FULL_LOG_SECONDS
            log.warning("connections_refused", limit=self.limits.max_connections)
