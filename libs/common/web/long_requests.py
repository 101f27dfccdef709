"""A request that is large, or did not come in one piece: nearly none is."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from libs.common.web.limits import ProcessLimits


class LongRequest:
    """What the request holds beyond its own share, and whether it was answered too early for more.

    Use `run` in place of the app.
    """

    def __init__(self, process: ProcessLimits) -> None:
        self.answered_early = False
        self._process = process
        self._borrowed = 0

    def borrow(self, size: int) -> bool:
        """`size` bytes in all. False, and nothing is taken, when the process has not so much."""
        more = size - self._borrowed
        if more > self._process.shared_left:
            return False
        self._process.shared_left -= more
        self._borrowed = size
        return True

    async def run(
        self, app: Any, cycle: RequestResponseCycle, scope: Any, receive: Any, send: Any
    ) -> None:
        """The app; at its end, however it ends, all that was borrowed is given back."""

        async def send_perhaps_early(message: Any) -> None:
            if message["type"] == "http.response.start" and cycle.more_body:
                # The rest of the request is not waited for, so no other can follow it. The
                # protocol ends the connection, after the client could read the answer.
                self.answered_early = True
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
                await send(message)
                cycle.keep_alive = True
            else:
                await send(message)

        try:
            await app(scope, receive, send_perhaps_early)
        finally:
            self.give_back()

    def give_back(self) -> None:
        self._process.shared_left += self._borrowed
        self._borrowed = 0
