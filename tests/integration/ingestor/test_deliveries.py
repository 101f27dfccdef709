"""A delivery takes effect once, and whoever watches hears of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from libs.common.clock import utc_now
from libs.common.errors import MessageMalformedError
from libs.common.events.contracts import StoreChanged
from libs.common.messaging.consumer import consume_dead, consume_deliveries, listen_to_hints
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import decode_records, encode_records
from libs.common.messaging.topology import DELIVERIES, Lane
from services.ingestor.deliveries.dead_letters import (
    NO_TENANT,
    dead_letter_keeper,
    keep_dead_letter,
)
from services.ingestor.deliveries.handle import applied_day, delivery_handler, handle_deliveries
from services.ingestor.deliveries.known_fields import MOST_NAMES
from tests.brokers import Broker
from tests.factories import new_delivery
from tests.integration.ingestor.confirming import work_off
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import customer_body, order_body, refund_body

_LETTERS = "SELECT tenant_id, kind, reason, record FROM store.dead_letters ORDER BY reason"


async def _until(true: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not await true():
            await asyncio.sleep(0.05)


async def test_the_same_delivery_takes_effect_once(world: World, publisher: Publisher) -> None:
    tenant_id = await world.add_tenant()
    once = new_delivery(tenant_id, "customers/update", customer_body(), id="the-same")
    newer = customer_body(updated_at="2026-03-08T00:00:00Z", first_name="Robert")
    again = new_delivery(tenant_id, "customers/update", newer, id="the-same", time=once.time)

    await handle_deliveries(world.engine, [once, once], publisher)
    await handle_deliveries(world.engine, [again], publisher)

    row = await world.row(tenant_id, "SELECT first_name FROM store.customers")
    assert row["first_name"] == "Bob"
    assert len(await world.rows(tenant_id, "SELECT * FROM store.applied_deliveries")) == 1
    assert (await world.row(tenant_id, "SELECT version FROM store.versions"))["version"] == 1


async def test_two_workers_with_the_same_delivery_apply_it_once(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    batch = [
        new_delivery(tenant_id, "orders/create", order_body(id=number)) for number in range(1, 20)
    ]
    await asyncio.gather(
        *(handle_deliveries(world.engine, batch[::step], publisher) for step in (1, -1, 1, -1))
    )
    assert (await world.row(tenant_id, "SELECT version FROM store.versions"))["version"] == 1
    assert await world.differences(tenant_id) == []


async def test_a_body_that_cannot_be_read_costs_itself_alone(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    good = new_delivery(tenant_id, "orders/create", order_body())
    poison = new_delivery(tenant_id, "orders/create", b"{")

    [failure] = await handle_deliveries(world.engine, [poison, good], publisher)

    assert failure.value is poison
    assert isinstance(failure.error, MessageMalformedError)
    assert len(await world.rows(tenant_id, "SELECT * FROM store.applied_deliveries")) == 1
    assert len(await world.rows(tenant_id, "SELECT * FROM store.orders")) == 1


async def test_a_time_to_come_does_not_outlive_what_comes_after_it(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    future = new_delivery(
        tenant_id, "customers/delete", {"id": 1}, time=utc_now() + timedelta(days=365)
    )
    await handle_deliveries(world.engine, [future], publisher)
    await work_off(world.engine, publisher)

    row = await world.row(tenant_id, "SELECT deleted_at FROM store.customers")
    assert row["deleted_at"] <= utc_now()


@pytest.mark.parametrize(
    ("days", "remembered"), [(0, 0), (-3, -3), (-7, -7), (-400, -7), (1, 1), (400, 1)]
)
def test_a_delivery_is_remembered_on_a_day_that_has_a_partition(days: int, remembered: int) -> None:
    now = datetime(2026, 11, 24, 23, 59, tzinfo=UTC)
    day = applied_day(now + timedelta(days=days), now)
    assert day == now.date() + timedelta(days=remembered)


@pytest.mark.parametrize("days", [-400, -7, 0, 400])
async def test_any_triggered_at_finds_a_partition(
    world: World, publisher: Publisher, days: int
) -> None:
    tenant_id = await world.add_tenant()
    moment = utc_now() + timedelta(days=days)
    await handle_deliveries(
        world.engine,
        [new_delivery(tenant_id, "orders/create", order_body(), time=moment)],
        publisher,
    )
    assert len(await world.rows(tenant_id, "SELECT * FROM store.orders")) == 1


async def test_what_carries_nothing_for_us_is_taken_and_counted_once(
    world: World, publisher: Publisher
) -> None:
    tenant_id, stranger = await world.add_tenant(), await world.add_tenant(shop=False)
    cart = new_delivery(tenant_id, "carts/create", b"whatever")
    more = [
        new_delivery(tenant_id, "carts/create", b"{}"),
        new_delivery(stranger, "carts/create", b""),
    ]
    await handle_deliveries(world.engine, [cart, *more], publisher)
    await handle_deliveries(world.engine, [cart], publisher)

    row = await world.row(tenant_id, "SELECT topic, deliveries FROM store.unmapped_topics")
    assert tuple(row.values()) == ("carts/create", 2)
    assert await world.rows(stranger, "SELECT * FROM store.unmapped_topics") == []


_UNKNOWN = """SELECT topic, field, deliveries, first_at <= last_at AS in_order
    FROM store.unknown_fields ORDER BY topic, field"""


async def _unknown(world: World, tenant_id: UUID) -> dict[str, int]:
    rows = await world.rows(tenant_id, _UNKNOWN)
    assert all(row["in_order"] for row in rows)
    return {f"{row['topic']} {row['field']}": row["deliveries"] for row in rows}


async def test_a_field_that_nobody_knows_is_counted_once_a_delivery_and_the_rest_applied(
    world: World, broker: Broker
) -> None:
    tenant_id, other = await world.add_tenant(), await world.add_tenant()
    news = {"brand_new": {"who": "secret"}, "bob@example.com": 1}
    first = new_delivery(tenant_id, "orders/create", order_body(id=1, **news))
    batch = [
        first,
        new_delivery(tenant_id, "orders/create", order_body(id=2, brand_new=None)),
        new_delivery(tenant_id, "customers/update", customer_body(mood="blue")),
        new_delivery(other, "orders/create", order_body(id=3)),
    ]
    last = new_delivery(tenant_id, "refunds/create", refund_body(order_id=2))
    url = SecretStr(broker.url_for("ingestor"))
    async with Publisher(url, "test") as publisher, _front_door(broker) as front_door:
        handle = delivery_handler(world.engine, publisher)
        async with _running(consume_deliveries(url, Lane.STORE, handle, publisher)):
            for records in (batch, [first, batch[2]], [first, last]):
                await front_door.publish(DELIVERIES, Lane.STORE, encode_records(records))
            await _until(lambda: world.rows(tenant_id, "SELECT * FROM store.refunds"))

    assert await _unknown(world, tenant_id) == {
        "customers/update mood": 1,
        "orders/create *": 1,
        "orders/create brand_new": 2,
    }
    assert await _unknown(world, other) == {}
    [one, two] = await world.rows(tenant_id, "SELECT * FROM store.orders ORDER BY id")
    assert one == {**two, "id": 1, "observed_at": one["observed_at"]}
    assert await world.rows(tenant_id, "SELECT * FROM store.dead_letters") == []
    assert await world.differences(tenant_id) == []


async def test_however_many_names_come_so_many_are_kept_and_the_rest_counted_together(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()

    async def come(letters: str, *, times: int = 1) -> None:
        names = {f"{letter}_{last}": 1 for letter in letters for last in "abcdefghij"}
        batch = [
            new_delivery(tenant_id, "customers/update", customer_body(**names))
            for _ in range(times)
        ]
        await handle_deliveries(world.engine, batch, publisher)

    await come("nop")
    await come("abc", times=3)
    await come("abcn")

    counted = await _unknown(world, tenant_id)
    assert len(counted) == MOST_NAMES + 1
    assert counted["customers/update n_a"] == 2
    assert counted["customers/update a_a"] == counted["customers/update b_j"] == 4
    assert "customers/update c_a" not in counted
    assert counted["customers/update *"] == 4


async def test_a_batch_goes_from_the_queue_to_the_store_its_poison_to_the_dead_letters(
    world: World, broker: Broker
) -> None:
    tenant_id = await world.add_tenant()
    poison = new_delivery(tenant_id, "customers/update", b"not json")
    batch = [
        new_delivery(tenant_id, "orders/create", order_body()),
        poison,
        new_delivery(tenant_id, "refunds/create", refund_body()),
    ]
    url = SecretStr(broker.url_for("ingestor"))
    async with Publisher(url, "test") as publisher, _front_door(broker) as front_door:
        keep = dead_letter_keeper(world.engine)
        async with _running(
            consume_deliveries(
                url, Lane.STORE, delivery_handler(world.engine, publisher), publisher
            ),
            consume_dead(url, keep, publisher),
        ):
            await front_door.publish(DELIVERIES, Lane.STORE, encode_records(batch))
            await _until(lambda: world.rows(tenant_id, "SELECT * FROM store.refunds"))
            await _until(lambda: world.rows(tenant_id, _LETTERS))

    letter = await world.row(tenant_id, _LETTERS)
    assert (letter["kind"], letter["reason"]) == ("delivery", "not_json")
    assert decode_records(letter["record"]) == [poison]
    assert await world.differences(tenant_id) == []


async def test_who_listens_hears_the_new_data_version(world: World, broker: Broker) -> None:
    tenant_id = await world.add_tenant()
    hints: list[StoreChanged] = []

    async def hear(_key: str, body: bytes) -> None:
        hints.append(StoreChanged.from_json(body))

    async with (
        Publisher(SecretStr(broker.url_for("ingestor")), "test") as publisher,
        _running(listen_to_hints(SecretStr(broker.url_for("gateway")), "test", hear)),
    ):

        async def change() -> bool:
            changed = customer_body(updated_at=utc_now().isoformat())
            news = new_delivery(tenant_id, "customers/update", changed)
            await handle_deliveries(world.engine, [news], publisher)
            return bool(hints)

        await _until(change)

    version = (await world.row(tenant_id, "SELECT version FROM store.versions"))["version"]
    assert {hint.tenant_id for hint in hints} == {tenant_id}
    assert 1 <= hints[0].data_version <= version


def _front_door(broker: Broker) -> Publisher:
    return Publisher(SecretStr(broker.url_for("webhooks")), "test")


@asynccontextmanager
async def _running(*workers: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker) for worker in workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_dead_letter_is_kept_whole_and_once_even_without_a_tenant(world: World) -> None:
    unreadable = DeadLetter(
        consumer="deliveries.store",
        kind=Kind.MESSAGE,
        reason="cut_short",
        attempts=1,
        record=b"\x01\x00\xff",
    )
    for _ in range(2):
        await keep_dead_letter(world.engine, unreadable)

    letter = await world.row(NO_TENANT, _LETTERS)
    assert letter == {
        "tenant_id": NO_TENANT,
        "kind": "message",
        "reason": "cut_short",
        "record": b"\x01\x00\xff",
    }
