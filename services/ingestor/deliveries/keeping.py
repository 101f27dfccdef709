"""Where deliveries go that are set aside: into our tables, so that nobody waits for a broker."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.messaging.dead_letters import DeadLetter, delivery_letter
from libs.common.messaging.fates import Kind, Pause, SetAside
from libs.common.messaging.records import DeliveryRecord, UnreadableRecord
from libs.common.messaging.topology import Lane
from services.ingestor.deliveries import retry_repository
from services.ingestor.deliveries.dead_letters import keep_dead_letter

_CONSUMER: Final = Lane.STORE.value


class DeliveryKeeping:
    """The keeper of the consumer of `deliveries.store`. Keeping a record again changes nothing."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keep_dead(self, items: Sequence[SetAside[DeliveryRecord]]) -> None:
        for item in items:
            letter = delivery_letter(_CONSUMER, item.value, item.reason, item.attempt)
            await keep_dead_letter(self._engine, letter)

    async def keep_unreadable(self, parts: Sequence[UnreadableRecord]) -> None:
        for part in parts:
            letter = DeadLetter(_CONSUMER, Kind.MESSAGE, part.reason, 1, part.message)
            await keep_dead_letter(self._engine, letter)

    async def keep_for_retry(
        self, items: Sequence[SetAside[DeliveryRecord]], seconds: float
    ) -> None:
        async def work(tx: Transaction) -> None:
            await retry_repository.add(tx, items, seconds)

        tenants = {item.value.tenant_id for item in items}
        await in_transaction(self._engine, work, tenants=tenants)

    async def note_pause(self, pause: Pause) -> None:
        async with transaction(self._engine) as tx:
            await retry_repository.note_pause(tx, _CONSUMER, pause)
