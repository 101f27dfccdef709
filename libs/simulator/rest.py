"""The REST Admin API, the part that reads: lists in pages, counts, the shop, its events, and what
the app may do there.

Newest first, or by id when `since_id` is given, or as `order` says. A parameter not known here
is refused, where Shopify would pass over it.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.errors import NotFoundError
from libs.simulator.admission import (
    admitted,
    finished,
    not_found,
    scopes_of,
    served_version,
)
from libs.simulator.context import Context
from libs.simulator.hosts import address_of
from libs.simulator.pages import Page, PageError
from libs.simulator.payloads import Body, json_bytes, shop_body
from libs.simulator.plans import PLANS
from libs.simulator.rest_query import ListQuery, RestError, page_info, read_list_query
from libs.simulator.rest_resources import RESOURCES, Resource
from libs.simulator.shops import Shop
from libs.simulator.world import ShopHandle, World

_LIMIT_HEADER = "X-Shopify-Shop-Api-Call-Limit"
_PATH = "/{shop}/admin/api/{version}"

_Asked = Callable[[Context, Request], Response]


def rest_routes(world: World) -> list[Route]:
    routes = [
        Route(f"{_PATH}/shop.json", _endpoint(world, None, _shop)),
        Route("/{shop}/admin/oauth/access_scopes.json", _endpoint(world, None, _scopes)),
    ]
    for resource in RESOURCES:
        path = f"{_PATH}/{resource.name}"
        routes.append(Route(f"{path}.json", _endpoint(world, resource, _listed(resource))))
        routes.append(Route(f"{path}/count.json", _endpoint(world, resource, _counted(resource))))
    return routes


def _endpoint(world: World, resource: Resource | None, asked: _Asked) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        try:
            handle = world.handle(request.path_params["shop"])
        except NotFoundError:
            return not_found()
        version = served_version(request.path_params.get("version", ""))
        answer = await _answered(request, handle, version, resource, asked)
        return finished(answer, handle, version)

    return endpoint


async def _answered(
    request: Request, handle: ShopHandle, version: str, resource: Resource | None, asked: _Asked
) -> Response:
    token = await admitted(request, handle)
    if isinstance(token, Response):
        return token
    call_limit, refusal = _called(handle.shop)
    context = handle.context(scopes_of(token), address_of(request, handle.shop.domain), version)
    scope = None if resource is None else resource.scope
    if refusal is not None:
        answer = refusal
    elif scope is not None and not context.may(scope):
        words = f"[API] This action requires merchant approval for {scope} scope."
        answer = JSONResponse({"errors": words}, 403)
    else:
        # Large pages take long; what they read does not change under them.
        answer = await asyncio.to_thread(_checked, asked, context, request)
    answer.headers[_LIMIT_HEADER] = call_limit
    return answer


def _called(shop: Shop) -> tuple[str, Response | None]:
    """The call-limit header, and the refusal of a shop that throttles and was asked too often."""
    rate = PLANS[shop.facts.plan].calls
    if not shop.faults.throttle:
        return f"1/{rate.capacity}", None
    bucket = shop.buckets.calls(shop.facts.plan)
    is_allowed = bucket.take(1)
    used = math.ceil(rate.capacity - bucket.available())
    if is_allowed:
        return f"{used}/{rate.capacity}", None
    words = (
        f"Exceeded {rate.per_second} calls per second for api client. "
        "Reduce request rates to resume uninterrupted service."
    )
    refusal = JSONResponse({"errors": words}, 429, {"Retry-After": "2.0"})
    return f"{rate.capacity}/{rate.capacity}", refusal


def _checked(asked: _Asked, context: Context, request: Request) -> Response:
    try:
        return asked(context, request)
    except RestError as error:
        return JSONResponse({"errors": error.errors}, 400)


def _answer(body: Body, headers: dict[str, str] | None = None) -> Response:
    return Response(json_bytes(body), headers=headers, media_type="application/json")


def _shop(context: Context, request: Request) -> Response:
    names = request.query_params.get("fields", "")
    return _answer(
        {"shop": _chosen(shop_body(context.shop), tuple(filter(None, names.split(","))))}
    )


def _scopes(context: Context, _request: Request) -> Response:
    return _answer({"access_scopes": [{"handle": scope} for scope in sorted(context.scopes)]})


def _listed(resource: Resource) -> _Asked:
    def read(context: Context, request: Request) -> Response:
        query = read_list_query(resource.name, request.query_params, resource.readers)
        try:
            found = resource.page(context, query)
        except PageError as error:
            raise RestError("page_info", "Invalid value.") from error
        bodies = [_chosen(resource.body(context.shop, row), query.fields) for row in found.rows]
        return _answer({resource.name: bodies}, _links(context, resource, query, found))

    return read


def _counted(resource: Resource) -> _Asked:
    def read(context: Context, request: Request) -> Response:
        return _answer({"count": resource.count(context, request.query_params)})

    return read


def _chosen(body: Body, fields: tuple[str, ...]) -> Body:
    return {name: body[name] for name in fields if name in body} if fields else body


def _links(context: Context, resource: Resource, query: ListQuery, found: Page) -> dict[str, str]:
    """No header when there is no other page."""
    if not found.cursors:
        return {}
    ends = (
        ("previous", found.has_previous, found.cursors[0]),
        ("next", found.has_next, found.cursors[-1]),
    )
    place = f"{context.address.shop_url}/admin/api/{context.api_version}/{resource.name}.json"
    links = []
    for direction, is_there, cursor in ends:
        if is_there:
            params = {"limit": str(query.limit)}
            if query.fields:
                params["fields"] = ",".join(query.fields)
            params["page_info"] = page_info(resource.name, query.filters, direction, cursor)
            address = f"{place}?{urlencode(params)}"
            links.append(f'<{address}>; rel="{direction}"')
    return {"Link": ", ".join(links)} if links else {}
