"""A dead letter is kept whole, one for each delivery, with where it came from and why."""

from collections.abc import Mapping
from uuid import uuid4

import aio_pika
from pydantic import SecretStr

from libs.common.errors import DatabaseUnavailableError
from libs.common.events.contracts import TenantConnected
from libs.common.messaging.consumer import DeadLetter, consume_dead, republish
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import decode_records, encode_records
from libs.common.messaging.topology import (
    DEAD,
    DEAD_QUEUE,
    DELIVERIES,
    EVENTS,
    EVENTS_INGESTOR,
    Lane,
)
from tests.brokers import Broker
from tests.factories import delivery
from tests.integration.messaging.queues import count_messages, running, take_message, until


class Keeper:
    """Keeps letters; raises what `failures` holds first."""

    def __init__(self, *failures: Exception) -> None:
        self.letters: list[DeadLetter] = []
        self._failures = list(failures)

    async def __call__(self, letter: DeadLetter) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.letters.append(letter)


async def keep(broker: Broker, keeper: Keeper, number: int) -> None:
    """Run the keeper, with the ingestor's rights, until it has so many letters."""

    async def kept() -> bool:
        return len(keeper.letters) == number and await count_messages(broker.url, DEAD_QUEUE) == 0

    url = SecretStr(broker.url_for("ingestor"))
    async with Publisher(url, "test") as publisher, running(consume_dead(url, keeper, publisher)):
        await until(kept)


async def bury(broker: Broker, body: bytes, headers: Mapping[str, str | int]) -> None:
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(DEAD, "", body, headers=headers)


async def test_a_letter_of_a_consumer_says_all_there_is_to_know(broker: Broker):
    one = delivery("d1")
    headers = {"x-consumer": Lane.STORE.value, "x-kind": "delivery", "x-reason": "not_json"}
    await bury(broker, encode_records([one]), {**headers, "x-attempt": 3})
    keeper = Keeper()
    await keep(broker, keeper, 1)
    assert keeper.letters == [
        DeadLetter(
            consumer="deliveries.store",
            kind="delivery",
            reason="not_json",
            attempts=3,
            record=encode_records([one]),
            tenant_id=one.tenant_id,
            topic="orders/create",
            delivery_id="d1",
            triggered_at=one.time,
        )
    ]


async def test_a_batch_that_the_broker_gave_up_is_one_letter_for_each_delivery(broker: Broker):
    records = [delivery("d1"), delivery("d2"), delivery("d3")]
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(DELIVERIES, Lane.TENANCY, encode_records(records))
    await reject(broker, Lane.TENANCY)
    keeper = Keeper()
    await keep(broker, keeper, 3)
    assert [letter.delivery_id for letter in keeper.letters] == ["d1", "d2", "d3"]
    assert {letter.consumer for letter in keeper.letters} == {"deliveries.tenancy"}
    assert {letter.reason for letter in keeper.letters} == {"rejected"}
    assert [decode_records(letter.record) for letter in keeper.letters] == [
        [one] for one in records
    ]


async def test_an_event_that_the_broker_gave_up_keeps_its_type(broker: Broker):
    event = TenantConnected(tenant_id=uuid4(), shop_domain="some-shop.myshopify.com")
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(EVENTS, event.TYPE, event.to_json())
    await reject(broker, EVENTS_INGESTOR)
    keeper = Keeper()
    await keep(broker, keeper, 1)
    letter = keeper.letters[0]
    assert (letter.kind, letter.topic, letter.tenant_id) == (
        "event",
        event.TYPE,
        event.tenant_id,
    )
    assert letter.delivery_id == str(event.event_id)


async def test_what_cannot_be_read_is_kept_as_it_is(broker: Broker):
    await bury(broker, b"\x07garbage", {"x-consumer": Lane.STORE.value})
    keeper = Keeper()
    await keep(broker, keeper, 1)
    letter = keeper.letters[0]
    assert (letter.kind, letter.record, letter.tenant_id) == ("message", b"\x07garbage", None)


async def test_a_database_outage_is_waited_out(broker: Broker):
    await bury(broker, encode_records([delivery("d1")]), {"x-consumer": Lane.STORE.value})
    keeper = Keeper(DatabaseUnavailableError("away"))
    await keep(broker, keeper, 1)
    assert keeper.letters[0].delivery_id == "d1"


async def test_a_letter_that_cannot_be_kept_waits_and_stands_in_nobodys_way(broker: Broker):
    await bury(broker, encode_records([delivery("d1")]), {"x-consumer": Lane.STORE.value})
    await bury(broker, encode_records([delivery("d2")]), {"x-consumer": Lane.STORE.value})
    keeper = Keeper(KeyError("a bug"))
    await keep(broker, keeper, 1)
    assert keeper.letters[0].delivery_id == "d2"
    waiting = await take_message(broker.url, "dead.retry.30m")
    assert [one.id for one in decode_records(waiting.body)] == ["d1"]
    assert waiting.headers["x-consumer"] == "deliveries.store"


async def test_a_letter_can_go_back_to_the_queue_it_came_from(broker: Broker):
    event = TenantConnected(tenant_id=uuid4(), shop_domain="some-shop.myshopify.com")
    letters = [
        DeadLetter("deliveries.store", "delivery", "x", 1, encode_records([delivery("d1")])),
        DeadLetter("events.ingestor", "event", "x", 1, event.to_json(), topic=event.TYPE),
    ]
    async with Publisher(SecretStr(broker.url_for("ingestor")), "test") as publisher:
        for letter in letters:
            await republish(publisher, letter)
    taken = await take_message(broker.url, Lane.STORE)
    assert [one.id for one in decode_records(taken.body)] == ["d1"]
    assert "x-attempt" not in taken.headers
    assert (await take_message(broker.url, EVENTS_INGESTOR)).headers["x-event-type"] == event.TYPE


async def reject(broker: Broker, queue: str) -> None:
    """Have the broker itself dead-letter the next message of `queue`."""
    connection = await aio_pika.connect(broker.url)
    async with connection:
        channel = await connection.channel()
        source = await channel.get_queue(queue, ensure=False)
        message = await source.get(timeout=10)
        await message.reject(requeue=False)

    async def buried() -> bool:
        return await count_messages(broker.url, DEAD_QUEUE) > 0

    await until(buried)
