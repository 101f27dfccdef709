"""Answers of the API leave packed when they are large and the browser takes gzip."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_FROM_BYTES = 1024
_LEVEL = 5
_PACKED = "/api/"
_LIVE = "/api/live"


class Compression:
    """Leaves the live stream alone, and the files, which are packed when they are built."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packing = GZipMiddleware(app, minimum_size=_FROM_BYTES, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_packed = (
            scope["type"] == "http" and scope["path"].startswith(_PACKED) and scope["path"] != _LIVE
        )
        await (self._packing if is_packed else self._app)(scope, receive, send)
