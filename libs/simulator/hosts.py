"""Shops as at Shopify, by host: `https://NAME.myshopify.com/admin/...` is
`/NAME.myshopify.com/admin/...` asked of any host."""

from collections.abc import Container

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.simulator.context import Address

_BY_HOST = "simulator.by_host"


class ShopsByHost:
    """Puts the shop that the Host header names in front of the path, when `shops` has it."""

    def __init__(self, app: ASGIApp, shops: Container[str]) -> None:
        self._app = app
        self._shops = shops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/admin/"):
            shop = _host_name(scope)
            if shop in self._shops:
                path = f"/{shop}{scope['path']}"
                scope = {**scope, "path": path, "raw_path": path.encode(), _BY_HOST: True}
        await self._app(scope, receive, send)


def _host_name(scope: Scope) -> str:
    return Headers(scope=scope).get("host", "").partition(":")[0].lower()


def address_of(request: Request, shop: str) -> Address:
    """Where the call went, so that addresses in the answer lead there too."""
    base_url = str(request.base_url).rstrip("/")
    is_by_host = _BY_HOST in request.scope
    return Address(base_url, base_url if is_by_host else f"{base_url}/{shop}")
