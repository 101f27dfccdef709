"""Starts the ingestor in one of two roles: so no live order waits while a history comes in."""

import argparse
from enum import StrEnum
from functools import partial

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine, ping, wait_until_ready
from libs.common.identity import TokenVerifier
from libs.common.messaging.consumer import consume_dead, consume_deliveries
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import Lane
from libs.common.process import run_service
from libs.common.security_events import save_counts
from libs.common.tables.store import security_counts
from libs.common.web.app import create_web_app
from libs.common.web.callers import CallerGuard
from libs.common.web.server import serve
from libs.common.workers import Workers
from services.ingestor.audits import audit_routes
from services.ingestor.dead_letters.routes import dead_letter_routes
from services.ingestor.deletions.routes import redaction_routes
from services.ingestor.deliveries.dead_letters import dead_letter_keeper
from services.ingestor.deliveries.handle import delivery_handler
from services.ingestor.deliveries.keeping import DeliveryKeeping
from services.ingestor.deliveries.retries import run_retries
from services.ingestor.deliveries.upkeep import keep_up
from services.ingestor.operator_routes import operator_routes
from services.ingestor.permissions import PERMISSIONS
from services.ingestor.privacy.routes import data_request_routes
from services.ingestor.pulls.worker import run_pulls
from services.ingestor.routes import ingestion_routes
from services.ingestor.settings import IngestorSettings


class Role(StrEnum):
    DELIVERIES = "deliveries"
    PULLS = "pulls"


def create_app(
    settings: IngestorSettings, engine: AsyncEngine, workers: Workers | None = None
) -> FastAPI:
    verifier = TokenVerifier("ingestor", settings.caller_public_keys)
    return create_web_app(
        "Tillstream ingestor",
        [
            ingestion_routes(engine),
            data_request_routes(engine),
            operator_routes(engine, settings.shopify_api_version),
            redaction_routes(engine),
            dead_letter_routes(engine),
            audit_routes(engine),
        ],
        ready_checks={"database": lambda: ping(engine)},
        guard=CallerGuard(verifier, PERMISSIONS),
        workers=workers,
    )


async def main(settings: IngestorSettings, *, role: Role) -> None:
    name = f"ingestor.{role}"
    engine = create_engine(settings.database_url, name, pool_size=settings.database_pool_size)
    try:
        await wait_until_ready(engine)
        async with Publisher(settings.amqp_url, name) as publisher:
            workers = _workers(role, settings, engine, publisher)
            app = create_app(settings, engine, workers)
            await serve(app, settings.host, settings.port, workers)
    finally:
        await engine.dispose()


def _workers(
    role: Role, settings: IngestorSettings, engine: AsyncEngine, publisher: Publisher
) -> Workers:
    workers = Workers({"security_counts": lambda: save_counts(engine, security_counts)})
    if role is Role.PULLS:
        workers.add("pulls", lambda: run_pulls(settings, engine, publisher, workers))
        return workers
    handle, keeper = delivery_handler(engine, publisher), DeliveryKeeping(engine)
    keep_dead, amqp_url = dead_letter_keeper(engine), settings.amqp_url
    workers.add("upkeep", lambda: keep_up(engine))
    workers.add(
        "deliveries",
        lambda: consume_deliveries(amqp_url, Lane.STORE, handle, publisher, keeper),
    )
    workers.add("retries", lambda: run_retries(engine, handle, publisher, keeper))
    workers.add("dead_letters", lambda: consume_dead(amqp_url, keep_dead, publisher))
    return workers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m services.ingestor.main")
    parser.add_argument("--role", type=Role, choices=list(Role), required=True)
    chosen: Role = parser.parse_args().role
    run_service("ingestor", IngestorSettings, partial(main, role=chosen))
