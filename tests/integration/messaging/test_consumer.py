"""Every delivery is handled, waits to be tried again, or is a dead letter; none is lost."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence

import aio_pika
import pytest
from pydantic import SecretStr

from libs.common.errors import (
    BrokerUnavailableError,
    DatabaseUnavailableError,
    MessageMalformedError,
    TransientError,
)
from libs.common.messaging import topology
from libs.common.messaging.consumer import consume_deliveries
from libs.common.messaging.inbox import Inbox, subscription
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, decode_records, encode_records
from libs.common.messaging.topology import DEAD_QUEUE, DEFAULT, DELIVERIES, Lane
from tests.brokers import Broker
from tests.factories import delivery
from tests.integration.messaging.queues import (
    Door,
    count_messages,
    running,
    take_message,
    until,
)

Handle = Callable[[Sequence[DeliveryRecord]], Awaitable[None]]


class Handler:
    """Applies what it can and keeps the batches; `refuse` says what fails, and how."""

    def __init__(self, refuse: Callable[[DeliveryRecord], Exception | None] | None = None) -> None:
        self.applied: list[str] = []
        self.calls: list[list[str]] = []
        self._refuse = refuse or (lambda _record: None)

    async def __call__(self, records: Sequence[DeliveryRecord]) -> None:
        self.calls.append([one.id for one in records])
        for one in records:
            if (error := self._refuse(one)) is not None:
                raise error
        self.applied += [one.id for one in records]


async def publish(broker: Broker, *messages: bytes, attempt: int = 0) -> None:
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        for message in messages:
            headers = {"x-attempt": attempt} if attempt else None
            await publisher.publish(DELIVERIES, Lane.STORE, message, headers=headers)


async def consume_until(
    broker: Broker, handle: Handle, condition: Callable[[], Awaitable[bool]], url: str = ""
) -> None:
    """Runs a consumer, by `url` if given, until `condition` holds; its publisher is direct."""
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        consumer = consume_deliveries(SecretStr(url or broker.url), Lane.STORE, handle, publisher)
        async with running(consumer):
            await until(condition)


def left(broker: Broker, queue: str, number: int) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return await count_messages(broker.url, queue) == number

    return condition


async def test_many_messages_are_one_call_and_all_are_acknowledged(broker: Broker):
    names = [f"d{number}" for number in range(40)]
    await publish(broker, *(encode_records([delivery(name)]) for name in names))
    handler = Handler()

    async def all_applied() -> bool:
        return len(handler.applied) == 40

    await consume_until(broker, handler, all_applied)
    assert handler.applied == names
    assert len(handler.calls) < 40
    await until(left(broker, Lane.STORE, 0))


async def test_a_batch_never_holds_more_than_it_may(broker: Broker):
    await publish(broker, encode_records([delivery(f"d{number}") for number in range(25)]))
    handler = Handler()
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        consumer = consume_deliveries(
            SecretStr(broker.url), Lane.STORE, handler, publisher, max_records=10
        )

        async def all_applied() -> bool:
            return len(handler.applied) == 25

        async with running(consumer):
            await until(all_applied)
    assert [len(call) for call in handler.calls] == [10, 10, 5]


async def test_a_poison_record_ends_alone_as_a_dead_letter_and_the_rest_is_applied(broker: Broker):
    names = [f"d{number}" for number in range(30)]
    await publish(broker, encode_records([delivery(name) for name in names]))
    handler = Handler(
        lambda one: MessageMalformedError("bad", reason="not_json") if one.id == "d17" else None
    )
    await consume_until(broker, handler, left(broker, DEAD_QUEUE, 1))
    assert sorted(handler.applied) == sorted(set(names) - {"d17"})
    letter = await take_message(broker.url, DEAD_QUEUE)
    assert [one.id for one in decode_records(letter.body)] == ["d17"]
    assert letter.headers["x-consumer"] == Lane.STORE
    assert letter.headers["x-reason"] == "not_json"
    assert letter.headers["x-kind"] == "delivery"
    assert await count_messages(broker.url, Lane.STORE) == 0


@pytest.mark.parametrize("error", [TransientError("busy"), KeyError("a bug")])
async def test_what_may_work_later_waits_on_the_first_rung_alone(broker: Broker, error: Exception):
    await publish(broker, encode_records([delivery("good"), delivery("unlucky"), delivery("fine")]))
    handler = Handler(lambda one: error if one.id == "unlucky" else None)
    waiting = []

    async def settled() -> bool:
        if not waiting:  # taken at once: after 5 s it would be back, and fail again
            waiting.append(await take_message(broker.url, f"{Lane.STORE}.retry.5s"))
        return len(handler.applied) == 2

    await consume_until(broker, handler, settled)
    assert [one.id for one in decode_records(waiting[0].body)] == ["unlucky"]
    assert waiting[0].headers["x-attempt"] == 1
    assert sorted(handler.applied) == ["fine", "good"]


@pytest.mark.parametrize(("attempt", "rung"), [(1, "30s"), (2, "5m"), (3, "30m"), (4, "2h")])
async def test_each_failure_climbs_one_rung(broker: Broker, attempt: int, rung: str):
    await publish(broker, encode_records([delivery("unlucky")]), attempt=attempt)
    queue = f"{Lane.STORE}.retry.{rung}"
    await consume_until(broker, Handler(lambda _: TransientError("busy")), left(broker, queue, 1))
    assert (await take_message(broker.url, queue)).headers["x-attempt"] == attempt + 1


async def test_after_the_last_rung_it_is_a_dead_letter(broker: Broker):
    await publish(broker, encode_records([delivery("unlucky")]), attempt=5)
    failing = Handler(lambda _: TransientError("busy"))
    await consume_until(broker, failing, left(broker, DEAD_QUEUE, 1))
    letter = await take_message(broker.url, DEAD_QUEUE)
    assert letter.headers["x-attempt"] == 6
    assert letter.headers["x-reason"] == "TEMPORARILY_UNAVAILABLE"


async def test_what_waits_on_the_ladder_comes_back_to_its_own_queue(broker: Broker):
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(
            DEFAULT,
            f"{Lane.STORE}.retry.5s",
            encode_records([delivery("patient")]),
            headers={"x-attempt": 1},
        )
    message = await take_message(broker.url, Lane.STORE, seconds=15)
    assert message.headers["x-attempt"] == 1


@pytest.mark.parametrize("damaged", [b"{}", b"not json", b'{"id": 1}'])
async def test_a_damaged_record_costs_itself_alone(broker: Broker, damaged: bytes):
    """The lengths lead past it to the next."""
    broken = struct.pack(">II", len(damaged), 4) + damaged + b"body"
    message = encode_records([delivery("before")]) + broken
    message += encode_records([delivery("after")])[1:]
    await publish(broker, message)
    handler = Handler()
    await consume_until(broker, handler, left(broker, DEAD_QUEUE, 1))
    letter = await take_message(broker.url, DEAD_QUEUE)
    assert letter.headers["x-kind"] == "message"
    assert letter.headers["x-reason"] == "attributes_invalid"
    assert letter.body == b"\x01" + broken
    assert handler.applied == ["before", "after"]


async def test_a_message_that_is_cut_short_keeps_what_came_before(broker: Broker):
    whole = encode_records([delivery("first"), delivery("second")])
    await publish(broker, whole[:-3])
    handler = Handler()
    await consume_until(broker, handler, left(broker, DEAD_QUEUE, 1))
    assert handler.applied == ["first"]
    assert (await take_message(broker.url, DEAD_QUEUE)).headers["x-reason"] == "cut_short"


async def test_a_message_of_an_unknown_version_waits_for_a_newer_release(broker: Broker):
    await publish(broker, b"\x07of a newer release", encode_records([delivery("good")]))
    handler = Handler()
    await consume_until(broker, handler, left(broker, f"{Lane.STORE}.retry.5s", 1))
    waiting = await take_message(broker.url, f"{Lane.STORE}.retry.5s")
    assert (waiting.body, waiting.headers["x-attempt"]) == (b"\x07of a newer release", 1)
    assert handler.applied == ["good"]

    await publish(broker, b"\x07of a newer release", attempt=len(topology.LADDER))
    await consume_until(broker, handler, left(broker, DEAD_QUEUE, 1))
    letter = await take_message(broker.url, DEAD_QUEUE)
    assert letter.body == b"\x07of a newer release"
    assert letter.headers["x-reason"] == "version_unknown"


async def test_a_database_outage_is_waited_out_with_the_same_batch(broker: Broker):
    await publish(broker, encode_records([delivery(f"d{number}") for number in range(8)]))
    outages = iter([DatabaseUnavailableError("away")] * 2)
    handler = Handler(lambda _: next(outages, None))

    async def all_applied() -> bool:
        return len(handler.applied) == 8

    await consume_until(broker, handler, all_applied)
    assert [len(call) for call in handler.calls] == [8, 8, 8]
    assert await count_messages(broker.url, f"{Lane.STORE}.retry.5s") == 0
    assert await count_messages(broker.url, DEAD_QUEUE) == 0


async def test_a_cut_connection_brings_the_unsettled_again(broker: Broker, door: Door):
    await publish(broker, encode_records([delivery("first")]))
    started, may_end = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def handle(records: Sequence[DeliveryRecord]) -> None:
        seen.extend(one.id for one in records)
        started.set()
        await may_end.wait()

    async def seen_twice() -> bool:
        if started.is_set() and not may_end.is_set():
            door.cut()
            may_end.set()
        return seen == ["first", "first"] and await count_messages(broker.url, Lane.STORE) == 0

    await consume_until(broker, handle, seen_twice, url=door.url)


async def test_a_consumer_whose_queue_was_deleted_comes_back_with_the_queue(broker: Broker):
    handler = Handler()

    async def applied_before() -> bool:
        return handler.applied == ["before"]

    async def applied_after() -> bool:
        return handler.applied == ["before", "after"]

    connection = await aio_pika.connect(broker.url)
    async with connection, Publisher(SecretStr(broker.url), "test") as publisher:
        channel = await connection.channel()
        consumer = consume_deliveries(SecretStr(broker.url), Lane.STORE, handler, publisher)
        async with running(consumer):
            await publish(broker, encode_records([delivery("before")]))
            await until(applied_before)
            await channel.queue_delete(Lane.STORE)
            await asyncio.sleep(0.5)  # made again at once, the broker would tell nobody
            await topology.declare(channel)
            await publish(broker, encode_records([delivery("after")]))
            await until(applied_after)


async def test_a_consumer_that_lost_its_queue_unnoticed_finds_out_by_itself(broker: Broker):
    connection = await aio_pika.connect(broker.url)
    async with connection:
        channel = await connection.channel()
        inbox = Inbox(watch_seconds=0.2)
        await subscription(Lane.STORE, 10)(channel, inbox)
        await channel.queue_delete(Lane.STORE)
        await topology.declare(channel)
        await publish(broker, encode_records([delivery("waits")]))
        with pytest.raises(BrokerUnavailableError):
            await inbox.take()


async def test_a_stop_lets_the_batch_in_hand_come_to_its_end(broker: Broker):
    await publish(broker, encode_records([delivery("in hand")]))
    started, may_end = asyncio.Event(), asyncio.Event()
    applied: list[str] = []

    async def handle(records: Sequence[DeliveryRecord]) -> None:
        started.set()
        await may_end.wait()
        applied.extend(one.id for one in records)

    async with Publisher(SecretStr(broker.url), "test") as publisher:
        task = asyncio.create_task(
            consume_deliveries(SecretStr(broker.url), Lane.STORE, handle, publisher)
        )
        await started.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert applied == ["in hand"]
    await until(left(broker, Lane.STORE, 0))
