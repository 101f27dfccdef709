"""The routes of one simulator. Shops are told apart by host or by the first part of the path."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from libs.common.errors import NotFoundError
from libs.simulator import oauth
from libs.simulator.admission import (
    admitted,
    finished,
    not_found,
    scopes_of,
    served_version,
)
from libs.simulator.breakage import CutAnswer
from libs.simulator.bulk import LinkError
from libs.simulator.clock_control import clock_routes
from libs.simulator.control import control_routes
from libs.simulator.dated import DatedAnswers
from libs.simulator.graphql import executed, is_mutation, parsed
from libs.simulator.hosts import ShopsByHost, address_of
from libs.simulator.rest import rest_routes
from libs.simulator.settings import Settings
from libs.simulator.shops import Shop
from libs.simulator.tokens import AccessToken
from libs.simulator.webhooks import WebhookSender
from libs.simulator.world import ShopHandle, World, open_world


def create_app(settings: Settings, shops: list[Shop]) -> ASGIApp:
    sender = WebhookSender(settings.app, settings.scale)
    world = open_world(settings, shops, sender)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with sender:
            for handle in world.handles.values():
                handle.compliance.resume()
            yield
            for handle in world.handles.values():
                handle.traffic.stop()
            await world.bulk.stop()

    endpoints = _Endpoints(settings, world)
    app = Starlette(
        lifespan=lifespan,
        routes=[
            *control_routes(world),
            *clock_routes(),
            Route("/_bulk/{number}/{name}", endpoints.bulk_file),
            Route("/{shop}/admin/oauth/authorize", endpoints.authorize),
            Route("/{shop}/admin/oauth/access_token", endpoints.access_token, methods=["POST"]),
            Route("/{shop}/admin/apps", endpoints.admin_apps),
            Route("/{shop}/admin/apps/{key}", endpoints.open_app),
            Route("/{shop}/admin/api/{version}/graphql.json", endpoints.graphql, methods=["POST"]),
            *rest_routes(world),
        ],
    )
    return DatedAnswers(ShopsByHost(app, world.handles))


class _BulkFile(FileResponse):
    chunk_size = 1024 * 1024
    """Each is read by a thread, which waits for the interpreter while another export is written."""


class _Endpoints:
    def __init__(self, settings: Settings, world: World) -> None:
        self._app = settings.app
        self._world = world

    def _handle(self, request: Request) -> ShopHandle | None:
        try:
            return self._world.handle(request.path_params["shop"])
        except NotFoundError:
            return None

    async def authorize(self, request: Request) -> Response:
        handle = self._handle(request)
        if handle is None:
            return PlainTextResponse("Sorry, this shop is currently unavailable.", 404)
        return oauth.authorize(request, handle.shop, self._app)

    async def admin_apps(self, request: Request) -> Response:
        handle = self._handle(request)
        return not_found() if handle is None else oauth.admin_apps(handle.shop)

    async def open_app(self, request: Request) -> Response:
        handle = self._handle(request)
        if handle is None or request.path_params["key"] != self._app.key or not self._app.url:
            return not_found()
        return oauth.open_app(handle.shop, self._app.secret, self._app.url)

    async def access_token(self, request: Request) -> Response:
        handle = self._handle(request)
        if handle is None:
            return not_found()
        return await oauth.access_token(request, handle.shop, self._app)

    async def graphql(self, request: Request) -> Response:
        handle = self._handle(request)
        if handle is None:
            return not_found()
        version = served_version(request.path_params["version"])
        return finished(await self._answer(request, handle, version), handle, version)

    async def _answer(self, request: Request, handle: ShopHandle, version: str) -> Response:
        token = await admitted(request, handle)
        if isinstance(token, Response):
            return token
        asked = _asked(await request.body())
        if asked is None:
            return JSONResponse({"errors": {"query": "Required parameter missing or invalid"}}, 400)
        return await self._executed(request, handle, version, token, asked)

    async def _executed(
        self,
        request: Request,
        handle: ShopHandle,
        version: str,
        token: AccessToken,
        asked: dict[str, Any],
    ) -> Response:
        document = parsed(asked["query"])
        if isinstance(document, dict):
            return JSONResponse(document)
        context = handle.context(scopes_of(token), address_of(request, handle.shop.domain), version)
        variables = asked.get("variables") or {}
        name = asked.get("operationName")
        if is_mutation(document):
            return JSONResponse(executed(document, context, variables, name))
        # Large pages take long; what they read does not change under them.
        return JSONResponse(await asyncio.to_thread(executed, document, context, variables, name))

    async def bulk_file(self, request: Request) -> Response:
        query = request.query_params
        number = request.path_params["number"]
        try:
            path = self._world.bulk.file(
                number, query.get("expires", ""), query.get("signature", "")
            )
        except LinkError as error:
            return Response(f"<Error><Code>{error.code}</Code></Error>", error.status)
        name, kind = request.path_params["name"], "application/jsonl"
        answer = _BulkFile(path, media_type=kind, filename=name)
        shop = self._world.operating_shop(int(number))
        if shop is not None and shop.faults.takes_one("cut_downloads"):
            whole = Response(path.read_bytes(), headers=dict(answer.headers), media_type=kind)
            return CutAnswer(whole, shop.faults.cut_at)
        return answer


def _asked(body: bytes) -> dict[str, Any] | None:
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        return None
    if not isinstance(asked.get("variables") or {}, dict):
        return None
    return asked
