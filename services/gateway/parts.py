"""The parts that routes work with, made once a process, and how a route gets at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, cast

import structlog
from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.identity import TokenSigner
from libs.common.web.client import ServiceClient
from services.gateway.accounts import PasswordHasher
from services.gateway.claims import ClaimReader
from services.gateway.cookies import Cookies
from services.gateway.counters import Counters
from services.gateway.dashboard_files import DashboardFile, read_dashboard
from services.gateway.devices import DeviceCookies
from services.gateway.live import LiveHub
from services.gateway.rate_limits import RateLimits
from services.gateway.recovery import Recoveries, RecoveryReader
from services.gateway.repository import ActiveSession
from services.gateway.sessions import SessionStore
from services.gateway.settings import GatewaySettings
from services.gateway.sign_in_limits import SignInLimits


@dataclass(frozen=True, slots=True)
class Parts:
    settings: GatewaySettings
    engine: AsyncEngine
    sessions: SessionStore
    cookies: Cookies
    claims: ClaimReader
    proofs: RecoveryReader
    recoveries: Recoveries
    passwords: PasswordHasher
    oauth: ServiceClient
    ingestor: ServiceClient
    analytics: ServiceClient
    live: LiveHub
    limits: RateLimits
    sign_ins: SignInLimits
    devices: DeviceCookies
    counters: Counters
    dashboard: Mapping[str, DashboardFile]

    async def close(self) -> None:
        self.live.close()
        self.passwords.close()
        for client in (self.oauth, self.ingestor, self.analytics):
            await client.close()
        await self.counters.close()


def make_parts(settings: GatewaySettings, engine: AsyncEngine) -> Parts:
    signer = TokenSigner("gateway", settings.caller_private_key)
    sessions = SessionStore(engine, settings.session_secret, settings.session_idle_limit)
    cookies = Cookies(settings.is_https)
    counters = Counters(settings.redis_url)

    def client(name: str, url: str) -> ServiceClient:
        return ServiceClient(name, url, signer, settings.internal_ca_file)

    analytics = client("analytics", settings.analytics_url)
    return Parts(
        settings=settings,
        engine=engine,
        sessions=sessions,
        cookies=cookies,
        claims=ClaimReader(settings.caller_public_keys),
        proofs=RecoveryReader(settings.caller_public_keys),
        recoveries=Recoveries(engine, sessions),
        passwords=PasswordHasher(),
        oauth=client("oauth", settings.oauth_url),
        ingestor=client("ingestor", settings.ingestor_url),
        analytics=analytics,
        live=LiveHub(lambda tenant_id: analytics.ask("GET", _SUMMARY, tenant_id=tenant_id)),
        limits=RateLimits(settings, counters, sessions, cookies),
        sign_ins=SignInLimits(counters, settings.session_secret),
        devices=DeviceCookies(settings.session_secret),
        counters=counters,
        dashboard=read_dashboard(settings.dashboard_dir),
    )


_SUMMARY = "/api/analytics/summary"


async def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


TheParts = Annotated[Parts, Depends(_parts)]


async def session_of(request: Request, parts: TheParts) -> ActiveSession:
    """Raises SessionExpiredError without one."""
    # The rate limits have read it a moment ago, where they count, and so has the guard.
    session: ActiveSession | None = getattr(request.state, "session", None)
    if session is None:
        session = await parts.sessions.read(parts.cookies.session_of(request))
    structlog.contextvars.bind_contextvars(
        tenant_id=str(session.tenant_id), user_id=str(session.user_id)
    )
    return session


SignedIn = Annotated[ActiveSession, Depends(session_of)]
"""The session of the request. Whether it may ask for the route, `permissions.py` has decided."""
