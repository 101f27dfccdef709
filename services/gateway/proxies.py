"""Requests that are answered by another service: oauth's browser routes, and analytics.

Queries go on as they came. Of the headers only those go on that the other side needs.
"""

import re
import string
from collections.abc import Mapping
from urllib.parse import quote_from_bytes, urlencode

import httpx
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from libs.common.errors import NotFoundError, ServiceUnavailableError
from libs.common.web.app import request_id_of
from libs.common.web.requests import CLIENT_ADDRESS_HEADER
from services.gateway.client_address import client_address
from services.gateway.parts import Parts, SignedIn, TheParts

router = APIRouter(include_in_schema=False)

_QUESTION = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)*", re.ASCII)
_RETURNED = ("Content-Type", "Location", "Retry-After", "Cache-Control")
_UNAUTHORIZED = 401
# Everything that can stand in a query stays as it is; the rest is written as %XX.
_QUERY_CHARACTERS = "".join(set(string.punctuation) - set('"#<>\\^`{|}'))


@router.get("/api/shopify/auth")
@router.get("/api/shopify/callback")
async def connect(request: Request, parts: TheParts) -> Response:
    return await _ask_oauth(request, parts, "/connect")


@router.get("/api/shopify/recover")
@router.get("/api/shopify/recover/callback")
async def prove_ownership(request: Request, parts: TheParts) -> Response:
    return await _ask_oauth(request, parts, "/recover")


@router.get("/api/analytics/{question:path}")
async def ask_analytics(
    question: str, request: Request, session: SignedIn, parts: TheParts
) -> Response:
    if _QUESTION.fullmatch(question) is None:
        raise NotFoundError("There is no such question.")
    answer = await parts.analytics.send(
        "GET",
        f"/api/analytics/{question}",
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        params=_query(request),
    )
    if answer.status_code == _UNAUTHORIZED:
        # Our own fault, not the user's: a 401 would read as "sign in again".
        raise ServiceUnavailableError("The analytics service does not know this gateway.")
    response = _returned(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _ask_oauth(request: Request, parts: Parts, page: str) -> Response:
    """A person whom oauth does not answer is led back to `page`."""
    headers = {
        "Accept": request.headers.get("Accept", ""),
        "Cookie": parts.cookies.for_neighbours(request.headers.get("Cookie", "")),
        CLIENT_ADDRESS_HEADER: client_address(request.scope, parts.settings.trusted_proxies),
    }
    try:
        answer = await parts.oauth.send(
            "GET",
            request.url.path,
            params=_query(request),
            headers={name: value for name, value in headers.items() if value},
        )
    except ServiceUnavailableError as error:
        if "text/html" not in headers["Accept"]:
            raise
        told = urlencode({"error": error.code, "requestId": request_id_of(request)})
        return RedirectResponse(f"{parts.settings.public_url}{page}?{told}", 303)
    return _returned(answer)


def _query(request: Request) -> str:
    return quote_from_bytes(request.scope["query_string"], safe=_QUERY_CHARACTERS)


def _returned(answer: httpx.Response) -> Response:
    response = Response(answer.content, answer.status_code, _kept(answer.headers))
    for cookie in answer.headers.get_list("Set-Cookie"):
        response.headers.append("Set-Cookie", cookie)
    return response


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _RETURNED if name in headers}
