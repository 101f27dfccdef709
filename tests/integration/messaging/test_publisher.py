"""A publish that returns is in a queue; one that does not is an error within its time."""

import asyncio

import pytest
from pydantic import SecretStr

from libs.common.errors import BrokerUnavailableError
from libs.common.messaging.publisher import MessageUnroutableError, Publisher
from libs.common.messaging.topology import (
    DELIVERIES,
    EVENTS,
    EVENTS_INGESTOR,
    HEALTH,
    HEALTH_WEBHOOKS,
    HINTS,
    Lane,
)
from tests.brokers import Broker
from tests.integration.messaging.queues import Door, count_messages, take_message


async def test_a_confirmed_message_is_in_the_queue_and_persistent(broker: Broker):
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(DELIVERIES, Lane.STORE, b"body", headers={"x-attempt": 1})
    message = await take_message(broker.url, Lane.STORE)
    assert message.body == b"body"
    assert message.headers["x-attempt"] == 1
    assert message.delivery_mode == 2


async def test_every_publish_has_its_own_message_id(broker: Broker):
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await asyncio.gather(
            *(publisher.publish(DELIVERIES, Lane.STORE, b"same") for _ in range(50))
        )
    ids = {(await take_message(broker.url, Lane.STORE)).message_id for _ in range(50)}
    assert len(ids) == 50


async def test_an_event_goes_by_its_routing_key(broker: Broker):
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(EVENTS, "tenant.connected.v1", b"{}")
    message = await take_message(broker.url, EVENTS_INGESTOR)
    assert message.routing_key == "tenant.connected.v1"


async def test_what_no_queue_takes_is_an_error_and_the_rest_goes_on(broker: Broker):
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        outcomes = await asyncio.gather(
            publisher.publish(DELIVERIES, "no.such.lane", b"lost"),
            publisher.publish(DELIVERIES, Lane.STORE, b"kept"),
            return_exceptions=True,
        )
    assert isinstance(outcomes[0], MessageUnroutableError)
    assert outcomes[0].context == {"exchange": DELIVERIES, "routing_key": "no.such.lane"}
    assert outcomes[1] is None
    assert (await take_message(broker.url, Lane.STORE)).body == b"kept"


async def test_an_exchange_that_does_not_exist_is_an_error_and_the_next_publish_works(
    broker: Broker,
):
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        with pytest.raises(BrokerUnavailableError):
            await publisher.publish("no.such.exchange", "key", b"lost")
        await publisher.publish(DELIVERIES, Lane.STORE, b"kept")


async def test_a_broker_that_is_absent_is_an_error_and_not_a_wait(unused_tcp_port: int):
    url = SecretStr(f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/")
    async with Publisher(url, "test") as publisher:
        outcomes = await asyncio.gather(
            *(publisher.publish(DELIVERIES, Lane.STORE, b"lost") for _ in range(20)),
            return_exceptions=True,
        )
        assert not await publisher.publish_transient(HINTS, "store.changed.v1", b"{}")
    assert {type(outcome) for outcome in outcomes} == {BrokerUnavailableError}


async def test_a_cut_connection_is_replaced_at_the_next_use(door: Door, broker: Broker):
    async with Publisher(SecretStr(door.url), "test") as publisher:
        await publisher.publish(DELIVERIES, Lane.STORE, b"before")
        door.cut()
        await asyncio.sleep(0.05)
        await publisher.publish(DELIVERIES, Lane.STORE, b"after")
    assert await count_messages(broker.url, Lane.STORE) == 2


async def test_a_silent_broker_is_an_error_in_time_and_gets_a_fresh_connection(
    door: Door, broker: Broker
):
    async with Publisher(SecretStr(door.url), "test") as publisher:
        await publisher.publish(HEALTH, HEALTH_WEBHOOKS, b"")
        door.silent(True)
        with pytest.raises(BrokerUnavailableError):
            await publisher.publish(DELIVERIES, Lane.STORE, b"in doubt", timeout_seconds=0.3)
        door.silent(False)
        await publisher.publish(DELIVERIES, Lane.STORE, b"sure")
    bodies = {(await take_message(broker.url, Lane.STORE)).body for _ in range(1)}
    assert bodies <= {b"in doubt", b"sure"}


async def test_those_who_wait_behind_a_silent_broker_all_learn_of_it(door: Door):
    async with Publisher(SecretStr(door.url), "test", max_in_flight=2) as publisher:
        await publisher.publish(HEALTH, HEALTH_WEBHOOKS, b"")
        door.silent(True)
        outcomes = await asyncio.gather(
            *(
                publisher.publish(DELIVERIES, Lane.STORE, b"x", timeout_seconds=0.3)
                for _ in range(20)
            ),
            return_exceptions=True,
        )
        door.silent(False)
    assert {type(outcome) for outcome in outcomes} == {BrokerUnavailableError}


async def test_a_cancelled_publish_is_cancelled_and_nothing_else(door: Door):
    async with Publisher(SecretStr(door.url), "test") as publisher:
        await publisher.publish(HEALTH, HEALTH_WEBHOOKS, b"")
        door.silent(True)
        task = asyncio.create_task(publisher.publish(DELIVERIES, Lane.STORE, b"x"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        door.silent(False)
        await publisher.publish(DELIVERIES, Lane.STORE, b"next")
