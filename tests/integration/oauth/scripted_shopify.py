"""A token endpoint and an Admin API that do as they are told: Shopify on a bad day, over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.http_servers import serving

SCOPES = (
    "read_orders,read_all_orders,read_customers,read_products,"
    "read_inventory,read_locations,read_discounts,read_draft_orders"
)
SPENT = {
    "error": "invalid_request",
    "error_description": "This request requires an active refresh_token",
}

Answer = Callable[[], Response]


@dataclass
class ScriptedShopify:
    """Each call gives a new pair, numbered, unless `answers` holds something for it.

    The Admin API answers with the shop's number, or with `admin_status`.
    """

    url: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    admin_status: int = 200
    uninstalled: set[str] = field(default_factory=set)
    """The shops whose tokens are dead."""
    shop_numbers: dict[str, int] = field(default_factory=dict)
    scope: str = SCOPES
    fields: dict[str, Any] = field(
        default_factory=lambda: {"expires_in": 3600, "refresh_token_expires_in": 7_776_000}
    )
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def api_url(self) -> str:
        return self.url + "/{shop}"

    @property
    def refreshes(self) -> list[str]:
        return [call["refresh_token"] for call in self.calls if "refresh_token" in call]

    def answer_next(self, status: int, body: Any = None, **headers: str) -> None:
        self.answers.append(lambda: JSONResponse(body, status, headers))

    def number_of(self, domain: str) -> int:
        """As Shopify numbers shops: each has its own."""
        return self.shop_numbers.setdefault(domain, 548_380_009 + len(self.shop_numbers))

    async def graphql(self, request: Request) -> Response:
        shop = request.path_params["shop"]
        status = 401 if shop in self.uninstalled else self.admin_status
        if status != HTTPStatus.OK:
            return JSONResponse({"errors": "no"}, status)
        number = self.number_of(shop)
        return JSONResponse({"data": {"shop": {"id": f"gid://shopify/Shop/{number}"}}})

    async def access_token(self, request: Request) -> Response:
        form = httpx.QueryParams((await request.body()).decode())
        self.calls.append(dict(form))
        number = len(self.calls)
        self.arrived.set()
        await self.gate.wait()
        if self.answers:
            return self.answers.pop(0)()
        if "code" in form:
            self.uninstalled.discard(request.path_params["shop"])
        elif request.path_params["shop"] in self.uninstalled:
            return JSONResponse(SPENT, 401)
        pair = {"access_token": f"shpat_{number}", "refresh_token": f"shprt_{number}"}
        return JSONResponse({**pair, "scope": self.scope, **self.fields})


@asynccontextmanager
async def scripted_shopify() -> AsyncIterator[ScriptedShopify]:
    shopify = ScriptedShopify()
    routes = [
        Route("/{shop}/admin/oauth/access_token", shopify.access_token, methods=["POST"]),
        Route("/{shop}/admin/api/{version}/graphql.json", shopify.graphql, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes)) as url:
        shopify.url = url
        yield shopify
        shopify.gate.set()
