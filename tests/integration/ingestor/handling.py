"""Deliveries handled as the consumer has them handled."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from services.ingestor.deliveries.handle import handle_deliveries


async def handle_all(
    engine: AsyncEngine, records: Sequence[DeliveryRecord], publisher: Publisher
) -> None:
    """Raises the error of the first that is set aside; the others are applied."""
    for failure in await handle_deliveries(engine, records, publisher):
        raise failure.error
