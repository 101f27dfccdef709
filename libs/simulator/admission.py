"""What every call of the Admin API passes first: faults, the token, the version."""

import asyncio
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from libs.simulator.breakage import CutAnswer, refused_with
from libs.simulator.connections import VERSIONS
from libs.simulator.tokens import AccessToken
from libs.simulator.world import ShopHandle

_WRONG_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105
_NOT_EXPIRING = (
    "Non-expiring access tokens are no longer accepted for the Admin API. "
    "Start using expiring offline tokens."
)


def not_found() -> Response:
    return JSONResponse({"errors": "Not Found"}, 404)


def served_version(asked: str) -> str:
    """A version that is not supported is served as the oldest that is."""
    return asked if asked in VERSIONS else min(VERSIONS)


def finished(answer: Response, handle: ShopHandle, version: str) -> Response:
    answer.headers["X-Shopify-API-Version"] = version
    answer.headers["X-Request-Id"] = str(uuid4())
    faults = handle.shop.faults
    return CutAnswer(answer, faults.cut_at) if faults.takes_one("cut_answers") else answer


async def admitted(request: Request, handle: ShopHandle) -> AccessToken | Response:
    """The token of the call, or the answer that refuses it."""
    faults = handle.shop.faults
    await asyncio.sleep(faults.api_latency)
    if (status := faults.takes_api_call()) is not None:
        return refused_with(status)
    token = handle.shop.tokens.access(request.headers.get("x-shopify-access-token", ""))
    if token is None:
        return JSONResponse({"errors": _WRONG_TOKEN}, 401)
    if token.expires_at is None:
        return JSONResponse({"errors": _NOT_EXPIRING}, 403)
    return token


def scopes_of(token: AccessToken) -> frozenset[str]:
    return frozenset(token.scope.split(",")) - {""}
