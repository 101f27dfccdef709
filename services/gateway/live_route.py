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

router = APIRouter(include_in_schema=False)

_HEARTBEAT_SECONDS = 15.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_OPENING = b"retry: 2000\n\n"
_HEARTBEAT = b": heartbeat\n\n"


@router.get("/api/live")
async def stream_live(request: Request, session: SignedIn, parts: TheParts) -> Response:
    parts.live.check_room(session.tenant_id)
    token = parts.cookies.session_of(request)
    last_event_id = request.headers.get("Last-Event-ID")
    return _EventStream(_frames(parts, session, token, last_event_id))


async def _frames(
    parts: Parts, session: ActiveSession, token: str | None, last_event_id: str | None
) -> AsyncGenerator[bytes, None]:
    clock = asyncio.get_running_loop().time
    with parts.live.join(session.tenant_id, last_event_id) as stream:
        yield _OPENING
        check_at = clock() + _HEARTBEAT_SECONDS
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
        return (await parts.sessions.read(token)).tenant_id == tenant_id
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
