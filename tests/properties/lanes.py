"""What arrived in the queues that carry deliveries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractQueue

from libs.common.messaging.records import DeliveryRecord, decode_records
from libs.common.messaging.topology import Lane
from tests.brokers import Broker


class Lanes:
    def __init__(self, queues: list[AbstractQueue]) -> None:
        self._queues = queues

    async def empty(self) -> None:
        for queue in self._queues:
            await queue.purge()

    async def take(self, count: int) -> list[DeliveryRecord]:
        """The next `count` records, of whichever lane. Fails when they do not come."""
        taken: list[DeliveryRecord] = []
        async with asyncio.timeout(30):
            while len(taken) < count:
                for queue in self._queues:
                    while (message := await queue.get(no_ack=True, fail=False)) is not None:
                        taken += decode_records(message.body)
        return taken


@asynccontextmanager
async def lanes_of(broker: Broker) -> AsyncIterator[Lanes]:
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        made = Lanes([await channel.get_queue(lane.value, ensure=False) for lane in Lane])
        await made.empty()
        yield made
