"""The webhooks service: takes Shopify's deliveries and makes them durable."""

from libs.common.database.engine import create_engine
from libs.common.messaging.publisher import Publisher
from libs.common.process import run_service
from libs.common.security_events import save_counts
from libs.common.tables.intake import security_counts
from libs.common.web.limits import HttpLimits
from libs.common.web.server import serve
from libs.common.workers import Workers
from services.webhooks.directory import ShopDirectory
from services.webhooks.intake import Intake
from services.webhooks.routes import create_app
from services.webhooks.settings import WebhooksSettings

LIMITS = HttpLimits(
    # Shopify gives up after 5 s. Nearly all of its bodies are far below 64 KiB.
    head_seconds=4.0,
    body_seconds=None,
    free_bytes=64 * 1024,
    shared_bytes=24 * 1024 * 1024,
    max_connections=512,
)
_HSTS = ("strict-transport-security", "max-age=31536000; includeSubDomains")


def headers_of_all_answers(settings: WebhooksSettings) -> list[tuple[str, str]]:
    return [_HSTS] if settings.is_https else []


async def main(settings: WebhooksSettings) -> None:
    """Neither store need be there at the start: see `ShopDirectory` and `Intake`."""
    engine = create_engine(settings.database_url, "webhooks", pool_size=settings.database_pool_size)
    try:
        directory = ShopDirectory(engine, copy=settings.shop_directory_file)
        await directory.start()
        async with Publisher(settings.amqp_url, "webhooks") as publisher:
            intake = Intake(publisher, engine)
            await intake.probe()
            workers = Workers(
                {
                    "directory": directory.keep_fresh,
                    "broker_watch": intake.watch_broker,
                    "spool": intake.relay_spool,
                    "security_counts": lambda: save_counts(engine, security_counts),
                }
            )
            await serve(
                create_app(settings.client_secrets(), directory, intake, workers),
                settings.host,
                settings.port,
                workers,
                limits=LIMITS,
                headers=headers_of_all_answers(settings),
            )
    finally:
        await engine.dispose()


if __name__ == "__main__":
    run_service("webhooks", WebhooksSettings, main)
