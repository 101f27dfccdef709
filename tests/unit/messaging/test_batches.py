"""Callers that come together share a send, each learns of its own record, and nobody waits long."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.common.errors import BrokerUnavailableError, DatabaseUnavailableError
from libs.common.messaging.batches import RecordBatcher


class Store:
    """Takes records when `open` is set; remembers what travelled together."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.sends: list[list[bytes]] = []
        self.failure: Exception | None = None

    async def send(self, records: Sequence[bytes]) -> None:
        self.sends.append(list(records))
        await self.open.wait()
        if self.failure is not None:
            raise self.failure


async def turn() -> None:
    """Let everything that is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


def start(batcher: RecordBatcher, *records: bytes) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(batcher.add(record)) for record in records]


async def test_a_record_that_comes_alone_leaves_at_once():
    store = Store()
    store.open.set()
    await RecordBatcher(store.send).add(b"one")
    assert store.sends == [[b"one"]]


async def test_what_arrives_while_a_send_is_outstanding_travels_together():
    store = Store()
    batcher = RecordBatcher(store.send, max_in_flight=1)
    first = start(batcher, b"one")
    await turn()
    rest = start(batcher, b"two", b"three", b"four")
    await turn()
    assert store.sends == [[b"one"]]
    store.open.set()
    await asyncio.gather(*first, *rest)
    assert store.sends == [[b"one"], [b"two", b"three", b"four"]]


async def test_nobody_is_told_before_the_send_of_its_own_record_is_over():
    store = Store()
    batcher = RecordBatcher(store.send)
    tasks = start(batcher, b"one", b"two")
    await turn()
    assert not any(task.done() for task in tasks)
    store.open.set()
    await asyncio.gather(*tasks)


async def test_a_send_stays_below_its_size_and_a_larger_record_goes_alone():
    store = Store()
    store.open.set()
    batcher = RecordBatcher(store.send, max_bytes=10, max_in_flight=9)
    await asyncio.gather(*start(batcher, b"a" * 4, b"b" * 4, b"c" * 4, b"d" * 40, b"e"))
    assert [len(records) for records in store.sends] == [2, 1, 1, 1]
    assert b"".join(record for send in store.sends for record in send) == (
        b"aaaabbbbcccc" + b"d" * 40 + b"e"
    )


async def test_a_failure_is_told_to_all_who_wait():
    store = Store()
    store.failure = DatabaseUnavailableError("away")
    batcher = RecordBatcher(store.send, max_in_flight=1)
    tasks = start(batcher, b"one")
    await turn()
    tasks += start(batcher, b"two", b"three")
    await turn()
    store.open.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * 3
    assert store.sends == [[b"one"]]


async def test_after_a_failure_the_next_record_is_sent_again():
    store = Store()
    store.open.set()
    store.failure = BrokerUnavailableError("away")
    batcher = RecordBatcher(store.send)
    with pytest.raises(BrokerUnavailableError):
        await batcher.add(b"one")
    store.failure = None
    await batcher.add(b"two")
    assert store.sends == [[b"one"], [b"two"]]


async def test_who_waits_too_long_is_told_so_and_its_record_is_not_sent_later():
    store = Store()
    batcher = RecordBatcher(store.send, max_in_flight=1, timeout_seconds=0.05)
    outcomes = await asyncio.gather(*start(batcher, b"one"), return_exceptions=True)
    late = await asyncio.gather(*start(batcher, b"two"), return_exceptions=True)
    store.open.set()
    await turn()
    assert [type(outcome) for outcome in [*outcomes, *late]] == [BrokerUnavailableError] * 2
    assert store.sends == [[b"one"]]


async def test_many_callers_at_once_each_get_their_record_through_exactly_once():
    sent: list[bytes] = []

    async def send(records: Sequence[bytes]) -> None:
        await asyncio.sleep(0)
        sent.extend(records)

    batcher = RecordBatcher(send, max_bytes=64, timeout_seconds=60)
    records = [f"record-{number}".encode() for number in range(2_000)]
    await asyncio.gather(*start(batcher, *records))
    assert sorted(sent) == sorted(records)
