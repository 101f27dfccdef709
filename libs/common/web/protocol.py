"""HTTP/1.1 as a public server must speak it: no stranger decides what we hold, or for how long.

uvicorn's own parses whatever comes and waits without end. Here a head is parsed once it is whole
and small enough, a message once the one before is answered, and each wait for the client ends.
"""

import asyncio
from enum import Enum, auto
from functools import partial
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from libs.common.errors import PermanentError, PlatformError, RequestTimeoutError
from libs.common.ids import new_id
from libs.common.logs import get_logger
from libs.common.web.answering import busy, error_answer
from libs.common.web.heads import body_framing, head_too_large, malformed, split_head
from libs.common.web.limits import (
    FIRST_BYTE_TIMEOUT_SECONDS,
    LINGER_SECONDS,
    MAX_HEAD_BYTES,
    MAX_HEAD_LINES,
    ProcessLimits,
)
from libs.common.web.long_requests import LongRequest
from libs.common.web.receiving import BufferedHttpProtocol
from libs.common.web.timing import IdleWatch, RequestClock, WriteWatch

_CHUNK_PIECE = 16 * 1024

log = get_logger()


class _Reading(Enum):
    """What the next byte belongs to."""

    HEAD = auto()
    BODY = auto()
    CHUNKS = auto()
    NEXT = auto()
    """To the next request: this one is whole, and not answered yet."""
    NOTHING = auto()
    """The connection ends; what comes is thrown away."""


# Looking a member up in its class costs more than all that is done with it.
_HEAD, _BODY, _CHUNKS, _NEXT, _NOTHING = _Reading
_WAITS_FOR_CLIENT = (_HEAD, _BODY, _CHUNKS)


class BoundedHttpProtocol(BufferedHttpProtocol):
    """Given to `uvicorn.Config(http=...)` with `process` bound."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        process: ProcessLimits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, buffer=process.buffer)
        self._process = process
        self._limits = process.limits
        self._reading = _HEAD
        self._unread = bytearray()
        self._size = 0
        self._body_left = 0
        self._framing = 0
        self._long: LongRequest | None = None
        self._to_start: RequestResponseCycle | None = None
        self._fault: PlatformError | None = None
        self._clock = RequestClock(self.loop, self._limits)
        self._idle = IdleWatch(self.loop, process, self.timeout_keep_alive)
        self._writes = WriteWatch(self.loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle.transport = self._writes.transport = transport
        if len(self.connections) > self._limits.max_connections and not self._process.make_room():
            self._process.log_full(self.loop.time())
            self._reading = _NOTHING
            transport.write(error_answer(busy(), str(new_id()), self.server_state.default_headers))
            transport.close()
            return
        self._idle.begin()
        self._clock.start(FIRST_BYTE_TIMEOUT_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for wait in (self._clock, self._idle, self._writes):
            wait.stop()
        self._read_no_further()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._writes.begin()

    def data_received(self, data: bytes) -> None:
        if self._reading is _NOTHING:
            return
        if self._idle.is_idle:
            # The first byte of a request: from here on its own time runs.
            self._idle.end()
            self._clock.stop()
        self._read(data)
        if self._to_start is not None:
            self._start(self._to_start)
        if not self._clock.is_running and self._reading in _WAITS_FOR_CLIENT:
            self._clock.start_request(
                self._time_out, lambda: self._size, in_body=self._reading is not _HEAD
            )

    def _read(self, data: bytes) -> None:
        while data:
            if self._reading is _HEAD:
                data = self._read_head(data)
            elif self._reading is _BODY:
                data = self._read_body(data)
            elif self._reading is _CHUNKS:
                data = self._read_chunks(data)
            else:
                if self._reading is _NEXT:
                    self._keep(data)
                return

    def _read_head(self, data: bytes) -> bytes:
        """Parse a whole head; keep the beginning of one. Answers with what comes behind it."""
        if self._unread:
            data = bytes(self._unread) + data
            self._unread.clear()
        try:
            found = split_head(data)
        except PermanentError as error:
            self._refuse(error)
            return b""
        if found is None:
            self._unread += data
            return b""
        self._size = len(found[0])
        self._feed(found[0])
        return found[1]

    def _read_body(self, data: bytes) -> bytes:
        rest = data[self._body_left :]
        piece = data[: self._body_left] if rest else data
        self._body_left -= len(piece)
        self._feed(piece)
        return rest

    def _read_chunks(self, data: bytes) -> bytes:
        """Sizes, extensions and trailers of chunks are a head too: bounded without their end."""
        piece, rest = data[:_CHUNK_PIECE], data[_CHUNK_PIECE:]
        self._framing += len(piece)
        self._feed(piece)
        too_large = self._framing > MAX_HEAD_BYTES or len(self.headers) > MAX_HEAD_LINES
        if too_large and self._reading is _CHUNKS:
            self._refuse(head_too_large())
        return rest

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: this request is answered, then the connection ends.
            self._read_no_further()
        except httptools.HttpParserError:
            if self._reading is _NEXT:
                # Behind the last chunk came more; it cannot be told from this message in time.
                self._read_no_further()
            elif self._reading is not _NOTHING:
                self._refuse(self._fault or malformed())

    def _keep(self, data: bytes) -> None:
        """Bytes of the next request, while this one is being answered."""
        if len(self._unread) + len(data) > MAX_HEAD_BYTES:
            self._read_no_further()
        else:
            self._unread += data
            self.flow.pause_reading()

    def _read_no_further(self) -> None:
        self._unread.clear()
        self._reading = _NOTHING
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_begin(self) -> None:
        if self._reading is not _HEAD:
            raise malformed()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        try:
            length, chunked = body_framing(self.headers, self.parser.get_http_version())
        except PermanentError as error:
            self._fault = error
            raise
        super().on_headers_complete()
        self._body_left, self._framing = length, 0
        if chunked or length:
            self._reading = _CHUNKS if chunked else _BODY
            # Trailers come into a list of their own: the request's fields are those of its head.
            self.headers = []
            if self._limits.body_seconds is not None:
                self._clock.stop()

    def on_body(self, body: bytes) -> None:
        if self._reading is _NOTHING:
            return
        self._framing = 0
        self._size += len(body)
        if self._size > self._limits.free_bytes and not self._borrow():
            self._refuse(busy())
            return
        super().on_body(body)

    def _borrow(self) -> bool:
        if self._long is None:
            self._long = LongRequest(self._process)
        return self._long.borrow(self._size - self._limits.free_bytes)

    def on_message_complete(self) -> None:
        if self._reading is _NOTHING:
            return
        super().on_message_complete()
        self._reading = _NEXT
        self._clock.stop()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Not at once: when all that came is read, it is known whether the request is whole."""
        self._long = None
        if self._size > self._limits.free_bytes and not self._borrow():
            self._fault = busy()
            raise self._fault
        self._to_start = cycle

    def _start(self, cycle: RequestResponseCycle) -> None:
        self._to_start = None
        if cycle.disconnected:  # refused in the meantime: no app will see it
            if self._long is not None:
                self._long.give_back()
            return
        app: Any = self.app
        if cycle.more_body or self._long is not None:
            self._long = self._long or LongRequest(self._process)
            app = partial(self._long.run, self.app, cycle)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        # In place of uvicorn's own, which makes a timer for each answer, and knows a pipeline.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._clock.stop()
        elif self._reading is not _NEXT or (self._long and self._long.answered_early):
            self._linger()
        else:
            self._reading = _HEAD
            self.flow.resume_reading()
            if self._unread:
                waiting = bytes(self._unread)
                self._unread.clear()
                self.data_received(waiting)
            else:
                self._idle.begin()
        if self.transport.get_write_buffer_size():
            self._writes.begin()

    def _refuse(self, error: PlatformError) -> None:
        """Answer in place of the app, and end the connection. Nothing of the request is logged."""
        request_id = str(new_id())
        log.info("request_refused", code=error.code, request_id=request_id)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self._reading = _NOTHING
                self.transport.abort()
                return
        if not self.transport.is_closing():
            headers = self.server_state.default_headers
            self.transport.write(error_answer(error, request_id, headers))
            self._linger()

    def _linger(self) -> None:
        """Closing at once, with bytes of the client unread, would take the answer away from it."""
        self._reading = _NOTHING
        self._unread.clear()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._writes.begin()
        self._clock.start(LINGER_SECONDS, self.transport.close)

    def _time_out(self) -> None:
        self._refuse(RequestTimeoutError("The request did not arrive in time."))
