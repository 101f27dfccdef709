"""Answers in plain ASGI, and the reading of a body that may be too large."""

import re
from collections.abc import Mapping, Sequence

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

from libs.common.errors import PayloadTooLargeError, PlatformError, TransientError
from libs.common.web.errors import error_body, status_and_headers

_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_REQUEST_ID = b"x-request-id"
SAFE_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer that has a body."""
_JSON = (
    (b"content-type", b"application/json"),
    *((name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()),
)
_EMPTY = (b"content-length", b"0")
_END = {"type": "http.response.body", "body": b""}


def client_request_id(headers: Mapping[bytes, bytes]) -> str | None:
    """The id that the client gave the request, when it is well formed. It is only logged."""
    given = headers.get(_REQUEST_ID, b"")
    return given.decode() if _ACCEPTED_ID.fullmatch(given) else None


def check_declared_length(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Raises PayloadTooLargeError for a body that says itself that it is too large."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > limit:
        raise _too_large(limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body, counted as it arrives. Raises PayloadTooLargeError, ClientDisconnect."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        # Nearly every delivery comes in one piece: it is not copied.
        whole: bytes = message.get("body", b"")
        if len(whole) > limit:
            raise _too_large(limit)
        return whole
    body = bytearray()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)
        message = await receive()
    raise ClientDisconnect


async def answer_empty(send: Send, request_id: str) -> None:
    """200 without a body."""
    head = [_EMPTY, (_REQUEST_ID, request_id.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send(_END)


async def answer_json(
    send: Send,
    request_id: str,
    status: int,
    content: object,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    body = orjson.dumps(content)
    length = (b"content-length", str(len(body)).encode())
    head = [*_JSON, length, (_REQUEST_ID, request_id.encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def answer_error(send: Send, request_id: str, error: PlatformError) -> None:
    """`error` in the shape every error has."""
    status, given = status_and_headers(error)
    headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    content = error_body(
        error.code,
        error.message,
        request_id,
        retryable=isinstance(error, TransientError),
        details=error.context.get("details"),
    )
    await answer_json(send, request_id, status, content, headers)


def _too_large(limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The request is larger than the {limit} bytes taken here.")
