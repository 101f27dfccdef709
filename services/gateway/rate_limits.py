"""How many requests one user, or one address where nobody is signed in, may send in a minute.

Signing in and claiming have limits of their own, by address here and by user name in
`sign_in_limits.py`, and so have openings of the live stream. Assets, pages and health are not
counted.
"""

import hashlib
import math
import time
from dataclasses import replace

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.errors import PlatformError, RateLimitedError
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.errors import error_body, status_and_headers
from services.gateway.client_address import client_address, client_key
from services.gateway.cookies import Cookies
from services.gateway.counters import Counters, Limit, Standing
from services.gateway.repository import ActiveSession
from services.gateway.sessions import SessionStore
from services.gateway.settings import GatewaySettings

_COUNTED = "/api/"
_LIVE = "/api/live"
_SIGN_IN_PATHS = frozenset({"/api/auth/login", "/api/auth/claim", "/api/auth/recovery"})
_MINUTE = 60
_MAX_USED_UP = 10_000


class RateLimits:
    """The limits of this deployment. `sessions` and `cookies` tell who is signed in."""

    def __init__(
        self,
        settings: GatewaySettings,
        counters: Counters,
        sessions: SessionStore,
        cookies: Cookies,
    ) -> None:
        self._requests = Limit("requests", settings.rate_limit_per_minute)
        self._live_openings = Limit("live-openings", settings.rate_limit_per_minute)
        self._sign_ins = Limit("sign-ins", settings.login_limit_per_minute)
        self._trusted = settings.trusted_proxies
        self._counters = counters
        self._sessions = sessions
        self._cookies = cookies
        self._used_up: dict[tuple[str, bytes], tuple[float, Standing]] = {}

    async def check_request(self, request: Request) -> None:
        """Raises RateLimitedError. Leaves the session it read in the request's state.

        What is refused costs no transaction: a made-up session is known by its token, and a user
        over the limit by what was found a moment ago.
        """
        if request.method == "POST" and request.url.path in _SIGN_IN_PATHS:
            address = client_key(request.scope, self._trusted)
            await self._hit(request, self._sign_ins, f"address:{address}")
        limit = self._live_openings if request.url.path == _LIVE else self._requests
        token = self._cookies.session_of(request)
        self._check_used_up(request, limit, token)
        session = await self._session(request, token)
        if session is None:
            key = f"address:{client_key(request.scope, self._trusted)}"
            await self._hit(request, limit, key)
            return
        request.state.session = session
        try:
            await self._hit(request, limit, f"user:{session.user_id}")
        except RateLimitedError:
            self._remember_used_up(request, limit, token or "")
            raise

    def _check_used_up(self, request: Request, limit: Limit, token: str | None) -> None:
        found = self._used_up.get((limit.name, _digest(token or "")))
        if found is None:
            return
        until, standing = found
        left = math.ceil(until - time.monotonic())
        if left > 0:
            _note(request, replace(standing, reset_seconds=left))
            raise _too_many(left)

    def _remember_used_up(self, request: Request, limit: Limit, token: str) -> None:
        standing = request.state.standings[-1]
        until = time.monotonic() + standing.reset_seconds
        self._used_up.pop((limit.name, _digest(token)), None)
        self._used_up[(limit.name, _digest(token))] = (until, standing)
        if len(self._used_up) > _MAX_USED_UP:
            del self._used_up[next(iter(self._used_up))]

    async def _hit(self, request: Request, limit: Limit, key: str) -> None:
        standing = await self._counters.hit(limit, key)
        _note(request, standing)
        if not standing.allowed:
            await self._record(request, limit, key)
            raise _too_many(standing.reset_seconds)

    async def _record(self, request: Request, limit: Limit, key: str) -> None:
        """Once a minute for each who is over a limit: a flood of requests is none of records."""
        if await self._counters.add(f"recorded/{limit.name}/{key}", _MINUTE) > 1:
            return
        is_sign_in = limit is self._sign_ins
        record_security_event(
            SecurityEvent.SIGN_IN_LIMITED if is_sign_in else SecurityEvent.RATE_LIMITED,
            address=client_address(request.scope, self._trusted),
            limit=limit.name,
        )

    async def _session(self, request: Request, token: str | None) -> ActiveSession | None:
        if token is None:
            return None
        try:
            return await self._sessions.read(token, is_used=request.url.path != _LIVE)
        except PlatformError:
            # The route says what is wrong with it, or needs none.
            return None


class RateLimiting:
    """Plain ASGI, so that no route can forget it and no stream is buffered."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_counted(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def send_with_standing(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell(MutableHeaders(scope=message), getattr(request.state, "standings", []))
            await send(message)

        try:
            await self._limits.check_request(request)
        except RateLimitedError as error:
            await _refuse(error, scope, receive, send_with_standing)
            return
        await self._app(scope, receive, send_with_standing)


def _note(request: Request, standing: Standing) -> None:
    request.state.standings = [*getattr(request.state, "standings", ()), standing]


def _too_many(seconds: int) -> RateLimitedError:
    return RateLimitedError(
        "Too many requests. Wait a moment, then try again.", retry_after_seconds=seconds
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _is_counted(path: str) -> bool:
    return path.startswith(_COUNTED)


def _tell(headers: MutableHeaders, standings: list[Standing]) -> None:
    """The fields of the IETF draft (RateLimit header fields for HTTP), one item a limit."""
    policies = (f'"{one.limit.name}";q={one.limit.per_minute};w={_MINUTE}' for one in standings)
    states = (f'"{one.limit.name}";r={one.remaining};t={one.reset_seconds}' for one in standings)
    headers["RateLimit-Policy"] = ", ".join(policies)
    headers["RateLimit"] = ", ".join(states)


async def _refuse(error: RateLimitedError, scope: Scope, receive: Receive, send: Send) -> None:
    status, headers = status_and_headers(error)
    body = error_body(error.code, error.message, scope["state"]["request_id"], retryable=True)
    await JSONResponse(body, status, headers)(scope, receive, send)
