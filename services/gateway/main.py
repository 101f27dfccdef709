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


def create_api(parts: Parts) -> FastAPI:
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
    )
    api.state.parts = parts
    return api


def create_app(parts: Parts) -> ASGIApp:
    """The API and the pages, with the headers that every answer carries, a 500 included."""
    settings = parts.settings
    api = CrossOrigin(create_api(parts), settings.cors_origins)
    return SecurityHeaders(api, is_https=settings.is_https)


async def main(settings: GatewaySettings) -> None:
    engine = create_engine(settings.database_url, "gateway", pool_size=settings.database_pool_size)
    parts = make_parts(settings, engine)
    try:
        await wait_until_ready(engine)
        async with Publisher(settings.amqp_url, "gateway") as publisher:
            await serve(
                create_app(parts),
                settings.host,
                settings.port,
                consume_events(
                    settings.amqp_url,
                    EVENTS_GATEWAY,
                    event_handlers(engine, parts.oauth),
                    publisher,
                ),
                listen_to_hints(settings.amqp_url, "live", parts.live.take_hint),
                listen(engine, CLOSED_CHANNEL, parts.live.close_tenant),
                sweep_users_daily(engine),
                save_counts(engine, security_counts),
                on_stop=parts.live.close,
            )
    finally:
        await parts.close()
        await engine.dispose()


if __name__ == "__main__":
    run_service("gateway", GatewaySettings, main)
