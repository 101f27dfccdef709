"""The control API: what tests and demonstrations do to a shop, and the truth about it."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.errors import InvalidInputError, NotFoundError
from libs.simulator import requests, views
from libs.simulator.approver import Approver
from libs.simulator.changes import found
from libs.simulator.collecting import change_collection, delete_collection
from libs.simulator.faults import Faults
from libs.simulator.fulfillments import fulfill_order
from libs.simulator.products import change_product, create_product, delete_product
from libs.simulator.refunds import refund_order
from libs.simulator.truth import truth
from libs.simulator.world import ShopHandle, World

_Wanted = TypeVar("_Wanted")
Action = Callable[[ShopHandle, Request, bytes], Any]
"""What it returns is the JSON answer; None is 204."""


def read(body: bytes, wanted: type[_Wanted]) -> _Wanted:
    """An empty body is an empty object. Raises InvalidInputError that names the wrong field."""
    try:
        return msgspec.json.decode(body or b"{}", type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(str(error)) from error


def _truth(handle: ShopHandle, request: Request, _body: bytes) -> Any:
    return truth(handle.shop, request.query_params)


def _create_order(handle: ShopHandle, _request: Request, body: bytes) -> Any:
    return views.order_view(handle.changes.create_order(read(body, requests.NewOrder)))


def _show_order(handle: ShopHandle, request: Request, _body: bytes) -> Any:
    return views.order_view(found(handle.shop.orders, request.path_params["id"], "order"))


def _show_customer(handle: ShopHandle, request: Request, _body: bytes) -> Any:
    number = request.path_params["id"]
    return views.customer_view(found(handle.shop.customers, number, "customer"))


def _show_product(handle: ShopHandle, request: Request, _body: bytes) -> Any:
    return views.product_view(found(handle.shop.products, request.path_params["id"], "product"))


def _change_order(handle: ShopHandle, request: Request, body: bytes) -> Any:
    wanted = read(body, requests.OrderChange)
    return views.order_view(handle.changes.change_order(request.path_params["id"], wanted))


def _refund_order(handle: ShopHandle, request: Request, body: bytes) -> Any:
    wanted = read(body, requests.NewRefund)
    return views.order_view(refund_order(handle.changes, request.path_params["id"], wanted))


def _fulfill_order(handle: ShopHandle, request: Request, _body: bytes) -> Any:
    return views.order_view(fulfill_order(handle.changes, request.path_params["id"]))


def _cancel_order(handle: ShopHandle, request: Request, body: bytes) -> Any:
    wanted = read(body, requests.Cancellation)
    return views.order_view(handle.changes.cancel_order(request.path_params["id"], wanted))


def _delete_order(handle: ShopHandle, request: Request, _body: bytes) -> None:
    handle.changes.delete_order(request.path_params["id"])


def _create_customer(handle: ShopHandle, _request: Request, body: bytes) -> Any:
    return views.customer_view(handle.changes.create_customer(read(body, requests.NewCustomer)))


def _change_customer(handle: ShopHandle, request: Request, body: bytes) -> Any:
    wanted = read(body, requests.CustomerChange)
    return views.customer_view(handle.changes.change_customer(request.path_params["id"], wanted))


def _delete_customer(handle: ShopHandle, request: Request, _body: bytes) -> None:
    handle.changes.delete_customer(request.path_params["id"])


def _request_data(handle: ShopHandle, request: Request, _body: bytes) -> None:
    handle.compliance.request_data(request.path_params["id"])


def _redact_customer(handle: ShopHandle, request: Request, _body: bytes) -> None:
    handle.compliance.redact_customer(request.path_params["id"])


def _create_product(handle: ShopHandle, _request: Request, body: bytes) -> Any:
    return views.product_view(create_product(handle.changes, read(body, requests.NewProduct)))


def _change_product(handle: ShopHandle, request: Request, body: bytes) -> Any:
    wanted = read(body, requests.ProductChange)
    return views.product_view(change_product(handle.changes, request.path_params["id"], wanted))


def _delete_product(handle: ShopHandle, request: Request, _body: bytes) -> None:
    delete_product(handle.changes, request.path_params["id"])


def _change_collection(handle: ShopHandle, request: Request, body: bytes) -> None:
    wanted = read(body, requests.CollectionChange)
    change_collection(handle.changes, request.path_params["id"], wanted)


def _delete_collection(handle: ShopHandle, request: Request, _body: bytes) -> None:
    delete_collection(handle.changes, request.path_params["id"])


def _change_shop(handle: ShopHandle, _request: Request, body: bytes) -> None:
    handle.changes.change_shop(read(body, requests.ShopChange))


def _uninstall(handle: ShopHandle, _request: Request, _body: bytes) -> None:
    if handle.shop.tokens.installed:
        handle.compliance.plan_shop_redact()
    handle.changes.uninstall()


def _expire_tokens(handle: ShopHandle, _request: Request, _body: bytes) -> Any:
    return {"expired": handle.shop.tokens.expire_access()}


def _start_traffic(handle: ShopHandle, _request: Request, body: bytes) -> Any:
    handle.traffic.start(read(body, requests.Traffic).per_second)
    return _show_traffic(handle, _request, b"")


def _show_traffic(handle: ShopHandle, _request: Request, _body: bytes) -> Any:
    return {"perSecond": handle.traffic.per_second, "made": handle.traffic.made}


def _stop_traffic(handle: ShopHandle, _request: Request, _body: bytes) -> None:
    handle.traffic.stop()


def _set_faults(handle: ShopHandle, _request: Request, body: bytes) -> Any:
    handle.shop.set_faults(read(body, Faults))
    return _show_faults(handle, _request, b"")


def _show_faults(handle: ShopHandle, _request: Request, _body: bytes) -> Any:
    return orjson.loads(msgspec.json.encode(handle.shop.faults))


def _clear_faults(handle: ShopHandle, _request: Request, _body: bytes) -> None:
    handle.shop.set_faults(Faults())


def _set_approver(handle: ShopHandle, _request: Request, body: bytes) -> Any:
    handle.shop.approver = read(body, Approver)
    return orjson.loads(msgspec.json.encode(handle.shop.approver))


def _clear_approver(handle: ShopHandle, _request: Request, _body: bytes) -> None:
    handle.shop.approver = Approver()


def _deliveries(handle: ShopHandle, request: Request, _body: bytes) -> Any:
    with_body = request.query_params.get("bodies") == "1"
    deliveries = handle.sender.log(handle.shop).all(request.query_params.get("topic"))
    return {"deliveries": [delivery.view(with_body=with_body) for delivery in deliveries]}


def _subscriptions(handle: ShopHandle, _request: Request, _body: bytes) -> Any:
    kept = handle.shop.subscriptions.all()
    return {"subscriptions": [views.subscription_view(subscription) for subscription in kept]}


def _operations(handle: ShopHandle, _request: Request, _body: bytes) -> Any:
    return {"operations": [views.operation_view(each) for each in handle.shop.operations.all()]}


def _limits(handle: ShopHandle, _request: Request, _body: bytes) -> Any:
    buckets, plan = handle.shop.buckets, handle.shop.facts.plan
    points, calls = buckets.points(plan), buckets.calls(plan)
    return {"plan": plan, "points": views.bucket_view(points), "calls": views.bucket_view(calls)}


_ACTIONS: tuple[tuple[str, str, Action, int], ...] = (
    ("GET", "/truth", _truth, 200),
    ("POST", "/orders", _create_order, 201),
    ("GET", "/orders/{id}", _show_order, 200),
    ("DELETE", "/orders/{id}", _delete_order, 204),
    ("POST", "/orders/{id}/change", _change_order, 200),
    ("POST", "/orders/{id}/refund", _refund_order, 200),
    ("POST", "/orders/{id}/fulfill", _fulfill_order, 200),
    ("POST", "/orders/{id}/cancel", _cancel_order, 200),
    ("POST", "/customers", _create_customer, 201),
    ("GET", "/customers/{id}", _show_customer, 200),
    ("PATCH", "/customers/{id}", _change_customer, 200),
    ("DELETE", "/customers/{id}", _delete_customer, 204),
    ("POST", "/customers/{id}/data_request", _request_data, 204),
    ("POST", "/customers/{id}/redact", _redact_customer, 204),
    ("POST", "/products", _create_product, 201),
    ("GET", "/products/{id}", _show_product, 200),
    ("PATCH", "/products/{id}", _change_product, 200),
    ("DELETE", "/products/{id}", _delete_product, 204),
    ("PATCH", "/collections/{id}", _change_collection, 204),
    ("DELETE", "/collections/{id}", _delete_collection, 204),
    ("PATCH", "", _change_shop, 204),
    ("POST", "/uninstall", _uninstall, 204),
    ("POST", "/tokens/expire", _expire_tokens, 200),
    ("POST", "/traffic", _start_traffic, 200),
    ("GET", "/traffic", _show_traffic, 200),
    ("DELETE", "/traffic", _stop_traffic, 204),
    ("POST", "/faults", _set_faults, 200),
    ("GET", "/faults", _show_faults, 200),
    ("DELETE", "/faults", _clear_faults, 204),
    ("POST", "/approver", _set_approver, 200),
    ("DELETE", "/approver", _clear_approver, 204),
    ("GET", "/deliveries", _deliveries, 200),
    ("GET", "/subscriptions", _subscriptions, 200),
    ("GET", "/operations", _operations, 200),
    ("GET", "/limits", _limits, 200),
)


def control_routes(world: World) -> list[Route]:
    async def health(_request: Request) -> Response:
        return JSONResponse({"ready": True, "shops": list(world.handles)})

    routes = [Route("/_control/health", health)]
    for method, path, action, status in _ACTIONS:
        endpoint = _endpoint(world, action, status)
        routes.append(Route(f"/_control/shops/{{shop}}{path}", endpoint, methods=[method]))
    return routes


def _endpoint(world: World, action: Action, status: int) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            handle = world.handle(request.path_params["shop"])
            answer = action(handle, request, body)
        except NotFoundError as error:
            return JSONResponse({"error": error.message}, 404)
        except InvalidInputError as error:
            return JSONResponse({"error": error.message}, 400)
        return Response(status_code=204) if answer is None else JSONResponse(answer, status)

    return endpoint
