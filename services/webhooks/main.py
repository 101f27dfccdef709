"""The webhooks service: takes Shopify's deliveries and makes them durable."""

from libs.common.database.engine import create_engine, wait_until_ready
from libs.common.messaging.publisher import Publisher
from libs.common.process import run_service
from libs.common.security_events import save_counts
from libs.common.tables.intake import security_counts
from libs.common.web.server import serve
from services.webhooks.directory import ShopDirectory
from services.webhooks.intake import Intake
from services.webhooks.routes import create_app
from services.webhooks.settings import WebhooksSettings


async def main(settings: WebhooksSettings) -> None:
    """The database must be there at the start, for the directory; the broker need not be."""
    engine = create_engine(settings.database_url, "webhooks", pool_size=settings.database_pool_size)
    try:
        await wait_until_ready(engine)
        directory = ShopDirectory(engine)
        await directory.load()
        async with Publisher(settings.amqp_url, "webhooks") as publisher:
            intake = Intake(publisher, engine)
            await intake.probe()
            await serve(
                create_app(settings.client_secrets(), directory, intake),
                settings.host,
                settings.port,
                directory.keep_fresh(),
                intake.watch_broker(),
                intake.relay_spool(),
                save_counts(engine, security_counts),
                http="httptools",
            )
    finally:
        await engine.dispose()


if __name__ == "__main__":
    run_service("webhooks", WebhooksSettings, main)
