"""Runs an ASGI app until the process is told to stop, with workers beside it."""

import asyncio
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from libs.common.web.limits import HttpLimits, ProcessLimits
from libs.common.web.protocol import BoundedHttpProtocol
from libs.common.workers import Workers

_GRACE_SECONDS = 5
_LIMITS = HttpLimits()


class Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again after its own end, and cut our clean-up short.
        yield


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    workers: Workers,
    *,
    limits: HttpLimits = _LIMITS,
    headers: Sequence[tuple[str, str]] = (),
    on_stop: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish open requests (5 s) and cancel `workers`.

    Only the server itself ends the process. `on_stop` ends what would keep requests open for
    longer. `headers` are on every answer.
    """
    server = Server(server_config(app, host, port, limits=limits, headers=headers))

    def stop() -> None:
        server.should_exit = True
        if on_stop:
            on_stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    tasks = workers.start()
    try:
        await server.serve()
    finally:
        await end(tasks, ask_again_after=_GRACE_SECONDS)
        await asyncio.gather(*tasks, return_exceptions=True)


async def end(tasks: Collection[asyncio.Task[Any]], *, ask_again_after: float) -> None:
    """Cancel `tasks` and wait until they have ended; their outcome is not looked at."""
    waiting = set(tasks)
    while waiting:
        # One request can get lost: asyncio.wait_for drops it when its own work ends just then.
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=ask_again_after)


def server_config(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    limits: HttpLimits = _LIMITS,
    headers: Sequence[tuple[str, str]] = (),
    grace_seconds: int = _GRACE_SECONDS,
) -> uvicorn.Config:
    """How every service of ours speaks HTTP."""
    protocol: Any = partial(BoundedHttpProtocol, process=ProcessLimits(limits))
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Whoever may speak for a client is each service's own setting, not uvicorn's.
        proxy_headers=False,
        loop="none",
        http=protocol,
        ws="none",
        headers=list(headers),
        timeout_keep_alive=75,
        timeout_graceful_shutdown=grace_seconds,
    )
