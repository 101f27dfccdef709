"""Refuses requests that change something unless they come from our own pages, or configured ones.

Browsers say where a request comes from and scripts cannot make them lie. A client without any
cookie has nothing that another site could ride on, and may say nothing.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.errors import OriginRefusedError
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.errors import STATUS_BY_CODE, error_body
from services.gateway.client_address import Network, client_address

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = (["same-origin"], ["none"])


def is_own_origin(headers: Headers, public_origin: str, *others: str) -> bool:
    """Whether a request with `headers` may change something. `others` may, though not our own."""
    origins = headers.getlist("Origin")
    if len(origins) == 1 and origins[0] in others:
        return True
    if sites := headers.getlist("Sec-Fetch-Site"):
        return sites in _OWN_SITES
    if origins:
        return origins == [public_origin]
    return "Cookie" not in headers


class OriginCheck:
    """Plain ASGI, so that no route can forget it. The first of `origins` is our own."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], trusted: Sequence[Network]) -> None:
        self._app = app
        self._origins = origins
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            headers = Headers(scope=scope)
            if not is_own_origin(headers, *self._origins):
                await self._refuse(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        code = OriginRefusedError.code
        address = client_address(scope, self._trusted)
        record_security_event(
            SecurityEvent.ORIGIN_REFUSED, address=address, repeats=address, method=scope["method"]
        )
        body = error_body(
            code,
            "This request does not come from Tillstream's own pages. "
            f"Programs send the header 'Origin: {self._origins[0]}'.",
            scope["state"]["request_id"],
        )
        await JSONResponse(body, STATUS_BY_CODE[code])(scope, receive, send)
