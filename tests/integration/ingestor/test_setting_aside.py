"""What cannot be applied now is set aside without a broker, and costs no other tenant anything."""

from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

import pytest
from pydantic import SecretStr

from libs.common.clock import utc_now
from libs.common.errors import DatabaseTimeoutError, MessageMalformedError, RecordRefusedError
from libs.common.messaging.consumer import consume_deliveries
from libs.common.messaging.fates import Handle, SetAside
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, encode_records
from libs.common.messaging.topology import DELIVERIES, Lane
from services.ingestor.deliveries.handle import delivery_handler, handle_deliveries
from services.ingestor.deliveries.keeping import DeliveryKeeping
from services.ingestor.deliveries.retries import run_retries
from tests.brokers import Broker
from tests.factories import new_delivery
from tests.integration.ingestor.world import World
from tests.integration.messaging.queues import Door, count_messages, running, until

PRODUCTS = "SELECT count(*) AS number FROM store.products"
LETTERS = "SELECT reason, count(*) AS number FROM store.dead_letters GROUP BY 1"
PAUSES = "SELECT consumer, dead, records, tenants, reason FROM store.consumer_pauses"


@pytest.fixture
async def alarmed(broker: Broker) -> AsyncIterator[Publisher]:
    """A publisher whose broker reads nothing of it, as under an alarm."""
    async with Door(broker.url) as door:
        door.silent(True)
        async with Publisher(SecretStr(door.url), "alarmed") as publisher:
            yield publisher


def product(tenant_id: UUID, number: int, **changes: object) -> DeliveryRecord:
    at = utc_now().isoformat()
    body = {
        "id": number + 1,
        "title": f"Tee {number}",
        "created_at": at,
        "updated_at": at,
    } | changes
    return new_delivery(tenant_id, "products/update", body)


async def send(broker: Broker, records: Sequence[DeliveryRecord]) -> None:
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(DELIVERIES, Lane.STORE, encode_records(records))


def consumer(world: World, broker: Broker, handle: Handle[DeliveryRecord], publisher: Publisher):
    keeper = DeliveryKeeping(world.engine)
    return consume_deliveries(SecretStr(broker.url), Lane.STORE, handle, publisher, keeper)


async def test_a_queue_drains_during_an_alarm_though_some_of_its_deliveries_fail(
    world: World, broker: Broker, alarmed: Publisher
):
    alive, late = await world.add_tenant(), await world.add_tenant(shop=False)
    records = [product(late if n % 100 == 50 else alive, n) for n in range(300)]
    records[7] = new_delivery(alive, "products/update", b"{")
    await send(broker, records)
    handle = delivery_handler(world.engine, alarmed)

    async def drained() -> bool:
        waiting = await world.rows(late, "SELECT * FROM store.retries")
        return len(waiting) == 3 and await count_messages(broker.url, Lane.STORE) == 0

    async with running(consumer(world, broker, handle, alarmed)):
        await until(drained)

    assert (await world.row(alive, PRODUCTS))["number"] == 296
    assert await world.rows(alive, LETTERS) == [{"reason": "not_json", "number": 1}]

    await world.add_shop(late)
    await world.rows(late, "UPDATE store.retries SET due_at = now() RETURNING 1")
    await world.rows(late, "UPDATE store.retry_turns SET due_at = now() RETURNING 1")

    async def applied() -> bool:
        return (await world.row(late, PRODUCTS))["number"] == 3

    async with running(run_retries(world.engine, handle, alarmed, DeliveryKeeping(world.engine))):
        await until(applied)

        async def forgotten() -> bool:
            return not await world.rows(late, "SELECT * FROM store.retries")

        await until(forgotten)
    assert await world.rows(late, "SELECT * FROM store.retry_turns") == []


async def test_those_of_tenants_that_must_wait_are_named_and_all_others_applied_at_once(
    world: World, publisher: Publisher
):
    alive, late = await world.add_tenant(), await world.add_tenant(shop=False)
    early = new_delivery(
        alive, "refunds/create", {"id": 9, "order_id": 404, "created_at": utc_now().isoformat()}
    )
    records = [product(late if n < 5 else alive, n) for n in range(500)] + [early]

    failures = await handle_deliveries(world.engine, records, publisher)

    assert {failure.value.id for failure in failures} == {
        *(record.id for record in records[:5]),
        early.id,
    }
    assert (await world.row(alive, PRODUCTS))["number"] == 495


class Handler:
    def __init__(self, refuse: Callable[[DeliveryRecord], Exception | None]) -> None:
        self.refuse = refuse
        self.applied: list[str] = []
        self.calls: list[int] = []

    async def __call__(self, records: Sequence[DeliveryRecord]) -> None:
        self.calls.append(len(records))
        for record in records:
            if (error := self.refuse(record)) is not None:
                raise error
        self.applied += [record.id for record in records]


async def test_a_consumer_pauses_when_most_of_what_several_tenants_send_would_be_dead_letters(
    world: World, broker: Broker, publisher: Publisher
):
    tenants = [await world.add_tenant(), await world.add_tenant()]
    await send(broker, [product(tenants[n % 2], n) for n in range(200)])
    handler = Handler(lambda _: MessageMalformedError("a bad release", reason="of_a_release"))

    async def paused() -> bool:
        return bool(await world.rows(tenants[0], PAUSES))

    async with running(consumer(world, broker, handler, publisher)):
        await until(paused)
        told = await world.rows(tenants[0], PAUSES)
        assert [await world.rows(tenant, LETTERS) for tenant in tenants] == [[], []]
        handler.refuse = lambda _: None

        async def applied() -> bool:
            return len(handler.applied) == 200

        await until(applied)
    assert told == [
        {
            "consumer": "deliveries.store",
            "dead": 200,
            "records": 200,
            "tenants": 2,
            "reason": "of_a_release",
        }
    ]


async def test_one_tenant_whose_records_are_all_bad_pauses_nothing(
    world: World, broker: Broker, publisher: Publisher
):
    bad, good = await world.add_tenant(), await world.add_tenant()
    records = [product(bad, n) for n in range(80)] + [product(good, n) for n in range(20)]
    await send(broker, records)
    handler = Handler(
        lambda one: (
            RecordRefusedError("no", reason="refused_22003") if one.tenant_id == bad else None
        )
    )

    async def dead() -> bool:
        found = await world.rows(bad, LETTERS)
        return found == [{"reason": "refused_22003", "number": 80}]

    async with running(consumer(world, broker, handler, publisher)):
        await until(dead)
    assert len(handler.applied) == 20
    assert await world.rows(bad, PAUSES) == []


@pytest.mark.parametrize("of_lock", [True, False], ids=["lock", "statement"])
async def test_a_timeout_is_split_by_tenant_and_then_by_record(
    world: World, broker: Broker, publisher: Publisher, of_lock: bool
):
    slow, others = await world.add_tenant(), [await world.add_tenant() for _ in range(4)]
    records = [product([slow, *others][n % 5], n) for n in range(20)]
    await send(broker, records)
    handler = Handler(
        lambda one: (
            DatabaseTimeoutError("slow", waited_for_lock=of_lock) if one.tenant_id == slow else None
        )
    )

    async def settled() -> bool:
        waiting = await world.rows(slow, "SELECT * FROM store.retries")
        return (len(waiting), len(handler.applied)) == (4, 16)

    async with running(consumer(world, broker, handler, publisher)):
        await until(settled)
    by_tenant = [20, 4, 4, 4, 4, 4]
    alone = [2, 1, 1, 2, 1, 1]
    assert sorted(handler.calls) == sorted(by_tenant if of_lock else [*by_tenant, *alone])


async def test_a_retry_that_fails_again_climbs_to_the_dead_letters(
    world: World, alarmed: Publisher
):
    late = await world.add_tenant(shop=False)
    record = product(late, 1)
    handle = delivery_handler(world.engine, alarmed)
    keeper = DeliveryKeeping(world.engine)
    due = "UPDATE store.{} SET due_at = now() - interval '1 second' RETURNING 1"
    await keeper.keep_for_retry([SetAside(record, 4, "x")], 0)

    async def waits_for_the_last_time() -> bool:
        return await world.rows(late, "SELECT attempt FROM store.retries") == [{"attempt": 5}]

    async def dead() -> bool:
        return bool(await world.rows(late, LETTERS))

    async with running(run_retries(world.engine, handle, alarmed, keeper)):
        await until(waits_for_the_last_time)
        for table in ("retries", "retry_turns"):
            await world.rows(late, due.format(table))
        await until(dead)
    assert await world.rows(late, LETTERS) == [{"reason": "TEMPORARILY_UNAVAILABLE", "number": 1}]
