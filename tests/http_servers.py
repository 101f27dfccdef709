"""Serves an app over real HTTP, in the loop of the test, on a port that was free."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from libs.common.web.limits import HttpLimits
from libs.common.web.server import Server, server_config


@asynccontextmanager
async def serving(
    app: ASGIApp,
    *,
    limits: HttpLimits = HttpLimits(),  # noqa: B008 - it cannot be changed
    headers: Sequence[tuple[str, str]] = (),
) -> AsyncIterator[str]:
    """The base URL, once it answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(server_config(app, limits=limits, headers=headers, grace_seconds=1))
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
