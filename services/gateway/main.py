"""Starts the gateway. Wiring only."""

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from libs.common.database.engine import create_engine, ping, wait_until_ready
from libs.common.database.notices import listen
from libs.common.messaging.consumer import consume_events, listen_to_hints
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS_GATEWAY
from libs.common.process import run_service
from libs.common.security_events import save_counts
from libs.common.tables.identity import security_counts
from libs.common.web.app import create_web_app
from libs.common.web.server import serve
from libs.common.workers import Workers
from services.gateway import (
    account_routes,
    audit_routes,
    auth,
    docs_routes,
    ingestion,
    live_route,
    pages,
    proxies,
    recovery_routes,
    tenants,
)
from services.gateway.compression import Compression
from services.gateway.cors import CrossOrigin
from services.gateway.erasures import CLOSED_CHANNEL, sweep_users_daily
from services.gateway.events import event_handlers
from services.gateway.operator_routes import operator_routes
from services.gateway.origin import OriginCheck
from services.gateway.parts import Parts, make_parts
from services.gateway.permissions import PermissionGuard
from services.gateway.rate_limits import RateLimiting
from services.gateway.security_headers import SecurityHeaders
from services.gateway.settings import GatewaySettings


def create_api(parts: Parts, workers: Workers | None = None) -> FastAPI:
    settings = parts.settings
    origins = [settings.public_url, *settings.cors_origins]
    api = create_web_app(
        "Tillstream gateway",
        [
            auth.router,
            recovery_routes.router,
            account_routes.router,
            operator_routes(parts.engine, parts.sessions),
            tenants.router,
            audit_routes.router,
            ingestion.router,
            proxies.router,
            live_route.router,
            docs_routes.router,
            pages.api_router,
        ],
        ready_checks={"database": lambda: ping(parts.engine)},
        middleware=[
            Middleware(OriginCheck, origins=origins, trusted=settings.trusted_proxies),
            Middleware(Compression),
            Middleware(RateLimiting, limits=parts.limits),
        ],
        guard=PermissionGuard(parts),
        rest=pages.router,
        is_public=True,
        workers=workers,
    )
    api.state.parts = parts
    return api


def create_app(parts: Parts, workers: Workers | None = None) -> ASGIApp:
    """The API and the pages, with the headers that every answer carries, a 500 included."""
    settings = parts.settings
    api = CrossOrigin(create_api(parts, workers), settings.cors_origins)
    return SecurityHeaders(api, is_https=settings.is_https)


def _workers(parts: Parts, publisher: Publisher) -> Workers:
    amqp_url, engine, live = parts.settings.amqp_url, parts.engine, parts.live
    handlers = event_handlers(engine, parts.oauth)
    return Workers(
        {
            "events": lambda: consume_events(amqp_url, EVENTS_GATEWAY, handlers, publisher),
            "hints": lambda: listen_to_hints(amqp_url, "live", live.take_hint),
            "closed_tenants": lambda: listen(engine, CLOSED_CHANNEL, live.close_tenant),
            "sweep_users": lambda: sweep_users_daily(engine),
            "security_counts": lambda: save_counts(engine, security_counts),
        }
    )


async def main(settings: GatewaySettings) -> None:
    engine = create_engine(settings.database_url, "gateway", pool_size=settings.database_pool_size)
    parts = make_parts(settings, engine)
    try:
        await wait_until_ready(engine)
        async with Publisher(settings.amqp_url, "gateway") as publisher:
            workers = _workers(parts, publisher)
            await serve(
                create_app(parts, workers),
                settings.host,
                settings.port,
                workers,
                on_stop=parts.live.close,
            )
    finally:
        await parts.close()
        await engine.dispose()


if __name__ == "__main__":
    run_service("gateway", GatewaySettings, main)
