"""From inside a container a merchant's walk leads through addresses that only a browser has."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from libs.ops.errors import OperationError
from libs.ops.routes_from_here import RoutesFromHere, reached_at
from tests.http_servers import serving

PUBLIC = "http://localhost:1"


async def _start(_request: Request) -> Response:
    answer = RedirectResponse(f"{PUBLIC}/end?a=1")
    answer.set_cookie("claim", "kept", httponly=True)
    return answer


async def _end(request: Request) -> Response:
    seen = (request.cookies.get("claim"), request.headers["host"], request.query_params["a"])
    return PlainTextResponse(repr(seen))


async def test_redirects_and_cookies_are_those_of_the_address_a_browser_would_show():
    app = Starlette(routes=[Route("/start", _start), Route("/end", _end)])
    async with serving(app) as inside:
        transport = RoutesFromHere(reached_at([f"{PUBLIC}={inside}"]))
        async with httpx.AsyncClient(transport=transport, follow_redirects=True) as http:
            answer = await http.get(f"{PUBLIC}/start")
    assert answer.text == repr(("kept", "localhost:1", "1"))
    assert str(answer.url) == f"{PUBLIC}/end?a=1"


@pytest.mark.parametrize("pair", ["", "http://a:1", "http://a:1=b", "http://a=http://b:1"])
def test_what_is_no_pair_of_origins_is_refused_by_name(pair):
    with pytest.raises(OperationError, match="--reach"):
        reached_at([pair])
