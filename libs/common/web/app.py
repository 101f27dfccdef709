"""The one way to make an HTTP service: error shape, request ids, body limit, health."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from libs.common.errors import InvalidInputError, PlatformError, TransientError
from libs.common.web.errors import ErrorResponse, error_body, status_and_headers
from libs.common.web.guards import Guard, check_rows
from libs.common.web.requests import BodyLimit, HeadLimit, RequestIds, UnexpectedErrors
from libs.common.workers import Workers

ReadyCheck = Callable[[], Awaitable[None]]
"""Raises a PlatformError while the service cannot do its work."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_CODE_BY_STATUS = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
_ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorResponse},
    "5XX": {"model": ErrorResponse},
}
_BODY_LIMIT = 64 * 1024
_READY_SECONDS = 1.0


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield


def create_web_app(  # noqa: PLR0913 - each is one fact about a service
    title: str,
    routers: Sequence[APIRouter],
    *,
    ready_checks: Mapping[str, ReadyCheck],
    lifespan: Lifespan = _nothing,
    middleware: Sequence[Middleware] = (),
    guard: Guard | None = None,
    rest: APIRouter | None = None,
    is_public: bool = False,
    workers: Workers | None = None,
) -> FastAPI:
    """An app with `routers`, `/health/live` and `/health/ready`; no docs, no openapi route.

    `guard` decides before each route who may use it, and `rest` takes the paths that are left.
    `middleware` sees requests that have an id and a bounded body; the last one sees them first. A
    service that strangers reach is public: it takes no request id from them. While one of
    `workers` fails, the service is not ready. Raises ConfigurationError for an unguarded route.
    """
    app = FastAPI(
        title=title,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=_ERROR_RESPONSES,
        dependencies=[Depends(guard)] if guard else [],
        generate_unique_id_function=lambda route: route.name,
    )
    for router in (*routers, _health_router(ready_checks, workers), *([rest] if rest else [])):
        app.include_router(router)
    if guard:
        check_rows(app, guard)
    _handle_errors(app)
    _wrap(app, middleware, is_public=is_public)
    return app


def _wrap(app: FastAPI, middleware: Sequence[Middleware], *, is_public: bool) -> None:
    """What is added last sees a request first."""
    for own in middleware:
        app.add_middleware(own.cls, *own.args, **own.kwargs)
    app.add_middleware(BodyLimit, limit=_BODY_LIMIT)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(HeadLimit)
    app.add_middleware(RequestIds, is_public=is_public)


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


def _health_router(ready_checks: Mapping[str, ReadyCheck], workers: Workers | None) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    failures_now = _looked_at_once_a_second(ready_checks)

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        failures = await failures_now() | (workers.failing() if workers else {})
        status = "unready" if failures else "ready"
        return JSONResponse({"status": status, "failures": failures}, 503 if failures else 200)

    return router


def _looked_at_once_a_second(
    ready_checks: Mapping[str, ReadyCheck],
) -> Callable[[], Awaitable[dict[str, str]]]:
    """What fails now. Anybody may ask, so all who ask within a second share one look."""
    lock = asyncio.Lock()
    found: dict[str, str] = {}
    looked_at = -math.inf

    async def failures_now() -> dict[str, str]:
        nonlocal found, looked_at
        async with lock:
            if time.monotonic() - looked_at >= _READY_SECONDS:
                found = await _failures(ready_checks)
                looked_at = time.monotonic()
            return found

    return failures_now


async def _failures(ready_checks: Mapping[str, ReadyCheck]) -> dict[str, str]:
    failures = {}
    for name, check in ready_checks.items():
        try:
            await check()
        except PlatformError as error:
            failures[name] = error.code
    return failures


def request_id_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def platform_error_response(request: Request, error: PlatformError) -> JSONResponse:
    status, headers = status_and_headers(error)
    body = error_body(
        error.code,
        error.message,
        request_id_of(request),
        retryable=isinstance(error, TransientError),
        details=error.context.get("details"),
    )
    return JSONResponse(body, status, headers)


async def _platform_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, PlatformError):
        raise error
    return platform_error_response(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    details = [
        {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]}
        for item in error.errors()
    ]
    refused = InvalidInputError("Some fields are not valid.", details=details)
    return platform_error_response(request, refused)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = _CODE_BY_STATUS.get(error.status_code, "VALIDATION_FAILED")
    body = error_body(code, str(error.detail), request_id_of(request))
    return JSONResponse(body, error.status_code, dict(error.headers or {}))
