"""What every request gets before any route sees it: an id, and limits on its head and body.

Plain ASGI, because BaseHTTPMiddleware would buffer streams.
"""

import re
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.errors import (
    HeadersTooLargeError,
    PayloadTooLargeError,
    PermanentError,
    UrlTooLongError,
)
from libs.common.ids import new_id
from libs.common.logs import get_logger
from libs.common.web.errors import STATUS_BY_CODE, error_body

log = get_logger()

REQUEST_ID_HEADER = "X-Request-Id"
CLIENT_ADDRESS_HEADER = "X-Client-Address"
"""By which the gateway tells another service whose request it hands on."""

_LONGEST_URL = 8 * 1024
_MOST_HEADERS = 100
_LARGEST_HEADERS = 32 * 1024
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


class RequestIds:
    """Gives every request an id, answers with it and logs with it.

    Inside, an X-Request-Id is the gateway's and stays. A public server (`is_public`) always makes
    its own; a well-formed one of the client is only logged, as `client_request_id`.
    """

    def __init__(self, app: ASGIApp, *, is_public: bool) -> None:
        self._app = app
        self._is_public = is_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ids = self._ids(Headers(scope=scope).get(REQUEST_ID_HEADER, ""))
        request_id = ids["request_id"]
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(**ids):
            await self._app(scope, receive, send_with_id)

    def _ids(self, given: str) -> dict[str, str]:
        if _ACCEPTED_ID.fullmatch(given) is None:
            return {"request_id": str(new_id())}
        if self._is_public:
            return {"request_id": str(new_id()), "client_request_id": given}
        return {"request_id": given}


class UnexpectedErrors:
    """Answers 500 for an error that nobody foresaw, and keeps the connection as it was.

    An error that reaches the server makes it close the connection without saying so, and the next
    request on it, perhaps another tenant's, fails through no fault of its own. An answer that has
    begun is left to the server: to break it off is the only way to say that it is not whole.
    `headers` are on the answer, beside the request's id.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._headers = dict(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False

        async def send_and_note(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            if began:
                raise
            # The caller learns nothing of our insides.
            request_id = str(scope["state"]["request_id"])
            log.exception("request_failed", request_id=request_id)
            message = "Something went wrong on our side. Name the request id when you ask for help."
            body = error_body("INTERNAL_SERVER_ERROR", message, request_id, retryable=True)
            headers = {REQUEST_ID_HEADER: request_id, **self._headers}
            await JSONResponse(body, 500, headers)(scope, receive, send)


class HeadLimit:
    """Refuses a URL above 8 kB (414), and above 100 header fields or 32 kB of them (431)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (error := _fault_of_head(scope)):
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, send)


def _fault_of_head(scope: Scope) -> PermanentError | None:
    path = scope.get("raw_path") or scope["path"].encode()
    if len(path) + len(scope["query_string"]) > _LONGEST_URL:
        return UrlTooLongError(f"The address is longer than the {_LONGEST_URL} bytes taken here.")
    fields = scope["headers"]
    size = sum(len(name) + len(value) for name, value in fields)
    if len(fields) > _MOST_HEADERS or size > _LARGEST_HEADERS:
        return HeadersTooLargeError(
            f"The request has more than {_MOST_HEADERS} header fields, "
            f"or more than {_LARGEST_HEADERS} bytes of them. Clear this site's cookies."
        )
    return None


class BodyLimit:
    """Refuses a body above `limit` bytes with 413, counted as it arrives."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except ClientDisconnect:
            # Nobody waits for an answer.
            return
        if body is None:
            error = PayloadTooLargeError(
                f"The request is larger than the {self._limit} bytes taken here."
            )
            await _refuse(error, scope, receive, send)
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._limit:
            return None
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._limit:
                return None
            more = message.get("more_body", False)
        return bytes(body)


async def _refuse(error: PermanentError, scope: Scope, receive: Receive, send: Send) -> None:
    body = error_body(error.code, error.message, scope["state"]["request_id"])
    await JSONResponse(body, STATUS_BY_CODE[error.code])(scope, receive, send)
