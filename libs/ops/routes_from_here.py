"""Following a browser's addresses from a place where they lead elsewhere, such as a container."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import httpx

from libs.ops.errors import OperationError


def reached_at(pairs: Iterable[str]) -> dict[str, str]:
    """`ORIGIN=ORIGIN` pairs as a mapping; OperationError names one that is none."""
    routes = {}
    for pair in pairs:
        public, _, inside = pair.partition("=")
        if not (_is_origin(public) and _is_origin(inside)):
            raise OperationError(
                f"--reach {pair}: PUBLIC=INSIDE is wanted, each a scheme, a host and a port"
            )
        routes[public] = inside
    return routes


class RoutesFromHere(httpx.AsyncBaseTransport):
    """Sends a request for one origin to another; headers and cookies stay the first one's."""

    def __init__(self, routes: Mapping[str, str]) -> None:
        self._routes = {httpx.URL(public): httpx.URL(inside) for public, inside in routes.items()}
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = request.url
        for public, inside in self._routes.items():
            if (asked.scheme, asked.host, asked.port) == (public.scheme, public.host, public.port):
                request.url = asked.copy_with(
                    scheme=inside.scheme, host=inside.host, port=inside.port
                )
                break
        try:
            return await self._inner.handle_async_request(request)
        finally:
            # What the client makes of redirects and cookies is about the address it asked for.
            request.url = asked

    async def aclose(self) -> None:
        await self._inner.aclose()


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return bool(parts.scheme in ("http", "https") and parts.hostname and port) and not parts.path
