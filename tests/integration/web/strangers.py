"""What strangers may try at a public server, and what must hold meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.integration.web.sockets import connected, status_of

MEGA = 1024 * 1024
MAX_RESIDENT_MB = 150
CONNECTIONS = 400
_PIECE = 256 * 1024


@dataclass(frozen=True)
class End:
    """How a connection ended: the status of the answer (0: none), and after how many seconds."""

    status: int
    seconds: float


async def flood(port: int, begin: bytes, line: bytes, size: int) -> End:
    """Send `begin`, then `line` until `size` bytes are sent or the server closes."""
    began = time.monotonic()
    piece = line * (_PIECE // len(line))
    async with connected(port) as peer:
        await peer.send(begin)
        receiving = asyncio.create_task(peer.rest())
        for _ in range(size // len(piece)):
            if receiving.done():
                break
            await peer.send(piece)
        return End(status_of(await receiving), time.monotonic() - began)


async def hold(port: int, begin: bytes) -> End:
    """Send `begin`, then nothing, until the server closes."""
    began = time.monotonic()
    async with connected(port) as peer:
        sending = asyncio.create_task(peer.send(begin))
        received = await peer.rest()
        ended = time.monotonic() - began
        await sending
        return End(status_of(received), ended)


async def drip(port: int, begin: bytes, rest: bytes) -> End:
    """Send `begin`, then `rest` byte by byte, until the server closes."""
    began = time.monotonic()
    async with connected(port) as peer:
        await peer.send(begin)
        dripping = asyncio.create_task(peer.drip(rest, every_seconds=0.2))
        received = await peer.rest()
        ended = time.monotonic() - began
        dripping.cancel()
        with suppress(asyncio.CancelledError):
            await dripping
        return End(status_of(received), ended)


async def many(attack: Callable[[], Awaitable[End]], number: int = CONNECTIONS) -> Sequence[End]:
    return await asyncio.gather(*(attack() for _ in range(number)))


ENDLESS = {
    "header lines": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n"),
    "one header value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"x"),
    "empty lines": (b"", b"\r\n"),
    "trailers": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"A: b\r\n",
    ),
    "chunk extension": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"x",
    ),
}
"""Beginning and what is repeated: none of it ever becomes a whole request."""


@asynccontextmanager
async def meanwhile(genuine: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """`genuine` again and again; it raises when it is not served as it should be."""

    async def repeat() -> None:
        while True:
            await genuine()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(repeat())
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await genuine()
