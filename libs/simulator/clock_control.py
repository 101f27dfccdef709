"""`/_control/clock`: moves the time the simulator believes it is."""

from datetime import UTC, timedelta

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.clock import utc_now
from libs.common.errors import InvalidInputError
from libs.simulator.control import read
from libs.simulator.requests import ClockChange
from libs.simulator.times import CLOCK

_FURTHEST = timedelta(days=50 * 365)


def clock_routes() -> list[Route]:
    return [
        Route("/_control/clock", _show, methods=["GET"]),
        Route("/_control/clock", _move, methods=["POST"]),
        Route("/_control/clock", _reset, methods=["DELETE"]),
    ]


async def _show(_request: Request) -> Response:
    seconds = CLOCK.offset.total_seconds()
    return JSONResponse({"offsetSeconds": seconds, "now": CLOCK.now().isoformat()})


async def _move(request: Request) -> Response:
    try:
        CLOCK.offset = _offset(read(await request.body(), ClockChange))
    except InvalidInputError as error:
        return JSONResponse({"error": error.message}, 400)
    return await _show(request)


async def _reset(_request: Request) -> Response:
    CLOCK.offset = timedelta()
    return Response(status_code=204)


def _offset(wanted: ClockChange) -> timedelta:
    """Raises InvalidInputError when it is too far for the times Shopify can write."""
    try:
        if wanted.offset_seconds is not UNSET:
            offset = timedelta(seconds=wanted.offset_seconds)
        elif wanted.at is not UNSET:
            moment = wanted.at if wanted.at.tzinfo else wanted.at.replace(tzinfo=UTC)
            offset = moment - utc_now()
        else:
            offset = timedelta()
    except OverflowError:
        offset = 2 * _FURTHEST
    if abs(offset) > _FURTHEST:
        raise InvalidInputError("the clock moves by at most 50 years")
    return offset
