"""Looks into queues, as a test may, and a door to the broker that a test can shut."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractIncomingMessage


async def take_message(url: str, queue: str, *, seconds: float = 30) -> AbstractIncomingMessage:
    """The next message of `queue`, acknowledged; waits for it."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        source = await channel.get_queue(queue, ensure=False)
        async with asyncio.timeout(seconds):
            while (message := await source.get(fail=False)) is None:
                await asyncio.sleep(0.05)
        await message.ack()
        return message


async def count_messages(url: str, queue: str) -> int:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


async def until(condition, *, seconds: float = 60) -> None:
    """Wait until the coroutine function `condition` answers with something true."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


class Door:
    """A TCP proxy: connections pass, are cut, or are kept silent."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 0
        self._target = parts
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        # Bound and never listening: while the door is locked nobody else is given its port.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    @property
    def url(self) -> str:
        """The target's URL, by way of this door."""
        user = self._target.netloc.rpartition("@")[0]
        place = f"127.0.0.1:{self._port_here}"
        return self._target._replace(netloc=f"{user}@{place}" if user else place).geturl()

    @property
    def _port_here(self) -> int:
        return int(self._place.getsockname()[1])

    async def __aenter__(self) -> Self:
        self._place.bind(("127.0.0.1", 0))
        await self.unlock()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.silent(False)
        await self.lock()
        await asyncio.gather(*self._passing, return_exceptions=True)
        self._place.close()

    async def unlock(self) -> None:
        self._server = await asyncio.start_server(
            self._pass, "127.0.0.1", self._port_here, reuse_port=True
        )

    async def lock(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def silent(self, is_silent: bool) -> None:
        """Hold back every byte, as a broker under an alarm does, but keep the connections."""
        if is_silent:
            self._open.clear()
        else:
            self._open.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(
                self._pump(reader, far_writer),
                self._pump(far_reader, writer),
                return_exceptions=True,
            )
        finally:
            # Whatever ends this: a writer that outlives its loop is an error of some later test.
            writer.transport.abort()
            far_writer.transport.abort()
            self._writers -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def running(*coroutines) -> AsyncIterator[None]:
    """Workers that run for ever, until the end of the block. A failed one fails the test."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    failed: list[BaseException] = []
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        failed += [one for one in outcomes if not isinstance(one, asyncio.CancelledError)]
        assert failed == []
