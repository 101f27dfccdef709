"""The answers that the server gives in place of an app."""

from collections.abc import Iterable

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from libs.common.errors import PlatformError, TransientError
from libs.common.web.errors import error_body, status_and_headers


def error_answer(
    error: PlatformError, request_id: str, default_headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """A whole answer in the shape that every error has, after which the connection closes."""
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
