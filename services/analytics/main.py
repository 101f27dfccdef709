"""Starts the analytics service. Wiring only."""

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine, ping, wait_until_ready
from libs.common.identity import TokenVerifier
from libs.common.process import run_service
from libs.common.web.app import create_web_app
from libs.common.web.callers import CallerGuard
from libs.common.web.server import serve
from libs.common.workers import Workers
from services.analytics.cache import AnswerCache
from services.analytics.permissions import PERMISSIONS
from services.analytics.routes import Reader, analytics_router, figures_check_router
from services.analytics.settings import AnalyticsSettings


def create_app(settings: AnalyticsSettings, engine: AsyncEngine) -> FastAPI:
    verifier = TokenVerifier("analytics", settings.caller_public_keys)
    reader = Reader(engine, AnswerCache())
    return create_web_app(
        "Tillstream analytics",
        [analytics_router(reader), figures_check_router(reader)],
        ready_checks={"database": lambda: ping(engine)},
        guard=CallerGuard(verifier, PERMISSIONS),
    )


async def main(settings: AnalyticsSettings) -> None:
    engine = create_engine(
        settings.url_to_read(),
        "analytics",
        pool_size=settings.database_pool_size,
        may_be_standby=settings.analytics_database_url is not None,
    )
    try:
        await wait_until_ready(engine)
        await serve(create_app(settings, engine), settings.host, settings.port, Workers())
    finally:
        await engine.dispose()


if __name__ == "__main__":
    run_service("analytics", AnalyticsSettings, main)
