"""Lets pages of other, configured origins read the API. Without any, there is nothing to see here.

Cookies go along only from origins of the same site, because the session is SameSite=Lax.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_REQUEST_HEADERS = ("Content-Type", "Last-Event-ID", "X-Request-Id")
_READABLE_HEADERS = ("Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id")
_PREFLIGHT_SECONDS = 600


class CrossOrigin:
    """Any other origin gets the same answers as before, and no word that lets it read them."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._answering = CORSMiddleware(
            app,
            allow_origins=sorted(self._origins),
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_READABLE_HEADERS,
            allow_credentials=True,
            max_age=_PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_theirs = (
            scope["type"] == "http"
            and scope["path"].startswith("/api/")
            and Headers(scope=scope).get("Origin") in self._origins
        )
        await (self._answering if is_theirs else self._app)(scope, receive, send)
