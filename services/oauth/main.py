"""Starts the oauth service. Wiring only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine, ping, wait_until_ready
from libs.common.identity import TokenSigner, TokenVerifier
from libs.common.messaging.consumer import consume_deliveries
from libs.common.messaging.outbox import relay_outbox
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import Lane
from libs.common.process import run_service
from libs.common.security_events import save_counts
from libs.common.tables import tenancy
from libs.common.web.app import create_web_app
from libs.common.web.callers import CallerGuard
from libs.common.web.server import serve
from libs.common.workers import Workers
from services.oauth.access import AccessCheck
from services.oauth.admin import AdminApi
from services.oauth.departure_routes import (
    decision_routes,
    departure_routes,
    holder_routes,
    operator_routes,
)
from services.oauth.encryption import Cipher
from services.oauth.handlers import Deliveries
from services.oauth.idle import keep_idle_connected
from services.oauth.installs import Installs
from services.oauth.pages import InstallPages, RecoveryPages, install_routes, recovery_routes
from services.oauth.permissions import PERMISSIONS
from services.oauth.recoveries import Recoveries
from services.oauth.rotation import Rotation
from services.oauth.routes import tenant_routes
from services.oauth.settings import OauthSettings
from services.oauth.shop_ids import ShopIds, keep_learning
from services.oauth.shopify import TokenEndpoint
from services.oauth.tokens import Tokens
from services.oauth.upkeep_routes import upkeep_routes
from services.oauth.verification import Rules, Verification, keep_verifying


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes and the background work share."""

    endpoint: TokenEndpoint
    admin: AdminApi
    tokens: Tokens
    shop_ids: ShopIds
    installs: Installs
    recoveries: Recoveries
    rotation: Rotation
    verification: Verification

    async def close(self) -> None:
        await self.endpoint.close()
        await self.admin.close()


def create_parts(settings: OauthSettings, engine: AsyncEngine) -> Parts:
    cipher = Cipher(settings.encryption_key)
    endpoint = TokenEndpoint(
        settings.shopify_api_url, settings.shopify_api_key, settings.shopify_api_secret
    )
    # Half of the pool may wait for Shopify; the other half answers from what is stored.
    slots = asyncio.Semaphore(max(1, settings.database_pool_size // 2))
    admin = AdminApi(settings.shopify_api_url)
    tokens = Tokens(engine, cipher, endpoint, slots)
    shop_ids = ShopIds(engine, tokens, admin)
    access = AccessCheck(tokens, admin)
    return Parts(
        endpoint,
        admin,
        tokens,
        shop_ids,
        Installs(settings, engine, cipher, endpoint, shop_ids, slots),
        Recoveries(settings, engine, endpoint),
        Rotation(engine, cipher),
        Verification(engine, access, rules_from(settings), slots),
    )


def rules_from(settings: OauthSettings) -> Rules:
    return Rules(
        redact_min_age=timedelta(hours=settings.redact_min_age_hours),
        erasure_grace=timedelta(hours=settings.erasure_grace_hours),
        departures_an_hour=settings.max_departures_per_hour,
    )


def create_app(
    settings: OauthSettings,
    engine: AsyncEngine,
    parts: Parts | None = None,
    workers: Workers | None = None,
) -> FastAPI:
    parts = parts or create_parts(settings, engine)
    signer = TokenSigner("oauth", settings.caller_private_key)
    verifier = TokenVerifier("oauth", settings.caller_public_keys)
    rules = rules_from(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await parts.close()

    return create_web_app(
        "Tillstream oauth",
        [
            install_routes(InstallPages(parts.installs, signer, settings.public_url)),
            recovery_routes(RecoveryPages(parts.recoveries, signer, settings.public_url)),
            tenant_routes(engine, parts.tokens, rules.erasure_grace),
            departure_routes(engine, rules),
            holder_routes(engine),
            operator_routes(engine, rules),
            decision_routes(engine),
            upkeep_routes(parts.tokens, parts.rotation),
        ],
        ready_checks={"database": lambda: ping(engine)},
        lifespan=lifespan,
        guard=CallerGuard(verifier, PERMISSIONS),
        workers=workers,
    )


def _workers(
    settings: OauthSettings, engine: AsyncEngine, parts: Parts, publisher: Publisher
) -> Workers:
    apply = Deliveries(engine).apply
    return Workers(
        {
            "outbox": lambda: relay_outbox(engine, tenancy.outbox, publisher),
            "deliveries": lambda: consume_deliveries(
                settings.amqp_url, Lane.TENANCY, apply, publisher
            ),
            "idle_tokens": lambda: keep_idle_connected(parts.tokens),
            "shop_ids": lambda: keep_learning(parts.shop_ids),
            "verification": lambda: keep_verifying(parts.verification),
            "security_counts": lambda: save_counts(engine, tenancy.security_counts),
        }
    )


async def main(settings: OauthSettings) -> None:
    engine = create_engine(settings.database_url, "oauth", pool_size=settings.database_pool_size)
    try:
        await wait_until_ready(engine)
        parts = create_parts(settings, engine)
        async with Publisher(settings.amqp_url, "oauth") as publisher:
            workers = _workers(settings, engine, parts, publisher)
            app = create_app(settings, engine, parts, workers)
            await serve(app, settings.host, settings.port, workers)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    run_service("oauth", OauthSettings, main)
