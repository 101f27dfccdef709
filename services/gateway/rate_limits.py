"""How many requests one user, or one address where nobody is signed in, may send in a minute.

Signing in and claiming have limits of their own, by address and by user name. The live stream,
assets, pages and health are not counted.
"""

import hashlib
import hmac
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.errors import PlatformError, RateLimitedError
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.errors import error_body, status_and_headers
from services.gateway.client_address import Network, client_address, client_key
from services.gateway.cookies import Cookies
from services.gateway.counters import Counters, Limit, Standing
from services.gateway.repository import ActiveSession
from services.gateway.sessions import SessionStore
from services.gateway.settings import GatewaySettings

_COUNTED = "/api/"
_LIVE = "/api/live"
_SIGN_IN_PATHS = frozenset({"/api/auth/login", "/api/auth/claim", "/api/auth/recovery"})
_MINUTE = 60


class RateLimits:
    """The limits of this deployment. `sessions` and `cookies` tell who is signed in."""

    def __init__(self, settings: GatewaySettings, sessions: SessionStore, cookies: Cookies) -> None:
        sign_ins = settings.login_limit_per_minute
        self._requests = Limit("requests", settings.rate_limit_per_minute)
        self._sign_ins = Limit("sign-ins", sign_ins)
        self._sign_ins_of_a_name = Limit("sign-ins-of-a-name", max(1, sign_ins // 2))
        self._trusted = settings.trusted_proxies
        self._name_key = settings.session_secret.get_secret_value().encode()
        self._counters = Counters(settings.redis_url)
        self._sessions = sessions
        self._cookies = cookies

    async def close(self) -> None:
        await self._counters.close()

    async def check_request(self, request: Request) -> None:
        """Raises RateLimitedError. Leaves the session it read in the request's state."""
        if request.method == "POST" and request.url.path in _SIGN_IN_PATHS:
            address = client_key(request.scope, self._trusted)
            await self._hit(request, self._sign_ins, f"address:{address}")
        if session := await self._session(request):
            request.state.session = session
            key = f"user:{session.user_id}"
        else:
            key = f"address:{client_key(request.scope, self._trusted)}"
        await self._hit(request, self._requests, key)

    async def check_user_name(self, request: Request, username: str | None) -> None:
        """Raises RateLimitedError. A text that can be no user name has no limit of its own."""
        if username is not None:
            # Keyed, so that whoever reads Redis cannot try names against it.
            hashed = hmac.new(self._name_key, username.encode(), hashlib.sha256).hexdigest()
            await self._hit(request, self._sign_ins_of_a_name, hashed)

    async def _hit(self, request: Request, limit: Limit, key: str) -> None:
        standing = await self._counters.hit(limit, key)
        request.state.standings = [*getattr(request.state, "standings", ()), standing]
        if not standing.allowed:
            raise RateLimitedError(
                "Too many requests. Wait a moment, then try again.",
                retry_after_seconds=standing.reset_seconds,
            )

    async def _session(self, request: Request) -> ActiveSession | None:
        token = self._cookies.session_of(request)
        if token is None:
            return None
        try:
            return await self._sessions.read(token)
        except PlatformError:
            # The route says what is wrong with it, or needs none.
            return None


class RateLimiting:
    """Plain ASGI, so that no route can forget it and no stream is buffered."""

    def __init__(self, app: ASGIApp, limits: RateLimits, trusted: Sequence[Network]) -> None:
        self._app = app
        self._limits = limits
        self._trusted = trusted

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
            self._record(request)
            await _refuse(error, scope, receive, send_with_standing)
            return
        await self._app(scope, receive, send_with_standing)

    def _record(self, request: Request) -> None:
        session: ActiveSession | None = getattr(request.state, "session", None)
        address = client_address(request.scope, self._trusted)
        record_security_event(
            SecurityEvent.RATE_LIMITED,
            who=session.username if session else None,
            address=address,
            repeats=str(session.user_id) if session else address,
        )


def _is_counted(path: str) -> bool:
    return path.startswith(_COUNTED) and path != _LIVE


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
