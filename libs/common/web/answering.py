"""One request and its answer, and the answers that the server gives before an app is asked."""

from collections.abc import Iterable

import orjson
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from libs.common.errors import PlatformError, TransientError
from libs.common.ids import new_id
from libs.common.web.errors import error_body, status_and_headers
from libs.common.web.limits import HeldBytes, ProcessLimits


class BoundedCycle(RequestResponseCycle):
    """Gives back what the request held when the app has ended, whether or not it was answered."""

    def __init__(self, made: RequestResponseCycle, process: ProcessLimits) -> None:
        super().__init__(
            scope=made.scope,
            transport=made.transport,
            flow=made.flow,
            logger=made.logger,
            access_logger=made.access_logger,
            access_log=made.access_log,
            default_headers=made.default_headers,
            message_event=made.message_event,
            expect_100_continue=made.waiting_for_100_continue,
            keep_alive=made.keep_alive,
            on_response=made.on_response,
        )
        self.held = HeldBytes(process)
        self.answered_early = False

    async def run_asgi(self, app: ASGI3Application) -> None:
        try:
            await super().run_asgi(app)
        finally:
            self.held.give_back()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start" and self.more_body:
            # The rest of the request is not waited for, so no other can follow it.
            self.answered_early = True
            closing = [*message.get("headers", ()), (b"connection", b"close")]
            message["headers"] = closing
            await super().send(message)
            # The protocol ends the connection itself: after the client could read the answer.
            self.keep_alive = True
            return
        await super().send(message)


def error_answer(error: PlatformError, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A whole answer in the shape that every error has, after which the connection closes."""
    request_id = str(new_id())
    status, more = status_and_headers(error)
    retryable = isinstance(error, TransientError)
    body = orjson.dumps(error_body(error.code, error.message, request_id, retryable=retryable))
    own = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": request_id,
        "connection": "close",
        **{name.lower(): value for name, value in more.items()},
    }
    fields = dict(default_headers) | {name.encode(): value.encode() for name, value in own.items()}
    lines = [b"%s: %s\r\n" % field for field in fields.items()]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])


def busy() -> TransientError:
    return TransientError("Too much is being sent at this moment. Try again.")
