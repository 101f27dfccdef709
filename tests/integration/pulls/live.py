"""The live path of one shop as it runs: webhooks' front door, the broker, the deliveries' side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.messaging.consumer import consume_dead, consume_deliveries
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import Lane
from services.ingestor.deliveries.dead_letters import dead_letter_keeper
from services.ingestor.deliveries.handle import delivery_handler
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import running
from tests.integration.webhooks.running import service


@asynccontextmanager
async def live_path(database: Database, broker: Broker) -> AsyncIterator[str]:
    """Where Shopify is to send deliveries. The engine is not that of any pull."""
    engine = create_engine(SecretStr(database.url_for("ingestor")), "live path")
    url = SecretStr(broker.url_for("ingestor"))
    try:
        async with (
            service(database.url_for("webhooks"), broker.url_for("webhooks")) as webhooks,
            Publisher(url, "live path") as publisher,
            running(
                consume_deliveries(url, Lane.STORE, delivery_handler(engine, publisher), publisher),
                consume_dead(url, dead_letter_keeper(engine), publisher),
            ),
        ):
            yield str(webhooks.http.base_url).rstrip("/")
    finally:
        await engine.dispose()
