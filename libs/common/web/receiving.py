"""How much is read of one connection at a time."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class BufferedHttpProtocol(HttpToolsProtocol, asyncio.BufferedProtocol):
    """Reads into a buffer that all connections of a process share.

    The event loop would take 256 KiB at once from each connection, whatever it may hold: many
    large bodies that are refused a moment later were in memory all the same.
    """

    def __init__(self, *given: Any, buffer: bytearray, **named: Any) -> None:
        super().__init__(*given, **named)
        self._buffer = buffer

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        # Called before anything else is read into the buffer.
        self.data_received(bytes(memoryview(self._buffer)[:nbytes]))
