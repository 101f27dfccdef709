"""`GET /api/live`: server-sent events for as long as the session lives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Send

from libs.common.clock import utc_now
from libs.common.errors import SessionExpiredError, TransientError
from services.gateway.parts import Parts, SignedIn, TheParts
from services.gateway.repository import ActiveSession

router = APIRouter(tags=["live"])

_HEARTBEAT_SECONDS = 15.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_DESCRIPTION = (
    "A stream of server-sent events for as long as the session lives. "
    "`summary`: the body of `/api/analytics/summary`, at once and after each change, at most once "
    "a second; its id is the version of the tenant's data. "
    "`pull`: the state of the history that is being read, as `pull` of `/api/tenants/current`. "
    "A comment comes every 15 seconds. Openings have a rate limit of their own, and a session may "
    "hold 10 streams. An open stream does not count as use of the session."
)
_EVENTS = {
    "description": "The stream; `data` of each event is JSON.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event seen: what the browser knows is not told again.",
    "schema": {"type": "string"},
}
_OPENING = b"retry: 2000\n\n"
_HEARTBEAT = b": heartbeat\n\n"


@router.get(
    "/api/live",
    summary="What changes, as it changes",
    description=_DESCRIPTION,
    response_class=Response,
    responses={200: _EVENTS},
    openapi_extra={"parameters": [_LAST_EVENT_ID]},
)
async def stream_live(request: Request, session: SignedIn, parts: TheParts) -> Response:
    parts.live.check_room(session)
    token = parts.cookies.session_of(request)
    last_event_id = request.headers.get("Last-Event-ID")
    return _EventStream(_frames(parts, session, token, last_event_id))


async def _frames(
    parts: Parts, session: ActiveSession, token: str | None, last_event_id: str | None
) -> AsyncGenerator[bytes, None]:
    clock = asyncio.get_running_loop().time
    with parts.live.join(session, last_event_id) as stream:
        yield _OPENING
        check_at = clock() + _HEARTBEAT_SECONDS
        # Once more, now that the stream would hear of it: the session may just have ended.
        if not await _is_signed_in(parts, token, session.tenant_id):
            return
        while not stream.ended:
            left = (session.expires_at - utc_now()).total_seconds()
            frames = await stream.next_frames(max(0, min(left, check_at - clock())))
            if stream.ended or session.expires_at <= utc_now():
                return
            if frames:
                yield frames
            if clock() >= check_at:
                if not await _is_signed_in(parts, token, session.tenant_id):
                    return
                check_at = clock() + _HEARTBEAT_SECONDS
                yield _HEARTBEAT


async def _is_signed_in(parts: Parts, token: str | None, tenant_id: UUID) -> bool:
    try:
        return (await parts.sessions.read(token, is_used=False)).tenant_id == tenant_id
    except SessionExpiredError:
        return False
    except TransientError:
        # Not knowing is no reason to cut the stream: it ends with the session's time at the latest.
        return True


class _EventStream(StreamingResponse):
    """Leaves the hub at once when the browser is gone, not when memory is cleaned up."""

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        super().__init__(frames, media_type="text/event-stream", headers=_HEADERS)
        self._frames = frames

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._frames):
            await super().stream_response(send)
