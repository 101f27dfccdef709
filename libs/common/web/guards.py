"""The table of an app's routes that says who may use each. No route answers without a row in it."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute

from libs.common.errors import ConfigurationError


class Guard(Protocol):
    """Runs before every route of an app, health included; raises what the caller shall get."""

    @property
    def rows(self) -> Collection[str]:
        """`METHOD path` of every route there is, the path as it is declared."""

    async def __call__(self, request: Request) -> None: ...


def row_of(request: Request) -> str:
    """The row of the route that was chosen to answer `request`."""
    return f"{request.method} {request.scope['route'].path}"


def rows_of(app: FastAPI) -> list[str]:
    """All routes of `app`, in the table's words."""
    return [
        f"{method} {route.path}"
        for route in _routes(app.routes)
        for method in sorted(route.methods or ())
    ]


def check_rows(app: FastAPI, guard: Guard) -> None:
    """Raises ConfigurationError for a route without a row, and for a row without a route."""
    routes = set(rows_of(app))
    missing, idle = routes - set(guard.rows), set(guard.rows) - routes
    if missing or idle:
        raise ConfigurationError(
            "The table of permissions and the routes differ:"
            f" without a row {sorted(missing)}, without a route {sorted(idle)}"
        )


def _routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        # A router that was included keeps its routes to itself.
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _routes(inner.routes)
        elif isinstance(route, APIRoute):
            yield route
        else:
            raise ConfigurationError(f"The table of permissions knows no {type(route).__name__}")
