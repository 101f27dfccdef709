"""An HTTPS proxy that leads to the simulator whatever shop a client asks for.

`python -m tests.third_party.tunnel PORT` listens on a free port, which it prints, and takes every
connection on to PORT of this machine. It reads nothing that goes through: the client checks the
simulator's certificate itself.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_CHUNK = 65_536


@asynccontextmanager
async def tunnel(port: int) -> AsyncIterator[str]:
    """The address to give as HTTPS_PROXY."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            there, onward = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_copied(reader, onward), _copied(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        host, own_port = server.sockets[0].getsockname()
        yield f"http://{host}:{own_port}"


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while content := await reader.read(_CHUNK):
            writer.write(content)
            await writer.drain()
    finally:
        writer.close()


async def _main(port: int) -> None:
    async with tunnel(port) as address:
        print(address, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
