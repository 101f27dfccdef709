"""Events reach the handler of their class, hints reach whoever listens."""

import asyncio
from uuid import uuid4

import pytest
from pydantic import SecretStr

from libs.common.errors import InvalidInputError, TransientError
from libs.common.events.contracts import (
    Event,
    StoreChanged,
    TenantConnected,
    TenantDisconnected,
)
from libs.common.messaging.consumer import consume_events, listen_to_hints
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import (
    DEAD_QUEUE,
    DEFAULT,
    EVENTS,
    EVENTS_INGESTOR,
    HINTS,
)
from tests.brokers import Broker
from tests.integration.messaging.queues import (
    Door,
    count_messages,
    running,
    take_message,
    until,
)


class Handler:
    """Keeps the events it was given; fails with `error` if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.events: list[Event] = []
        self._error = error

    async def __call__(self, event: Event) -> None:
        if self._error is not None:
            raise self._error
        self.events.append(event)


def connected() -> TenantConnected:
    return TenantConnected(tenant_id=uuid4(), shop_domain="some-shop.myshopify.com")


async def test_an_event_reaches_the_handler_of_its_class(broker: Broker):
    first, second = connected(), TenantDisconnected(tenant_id=uuid4(), reason="uninstalled")
    handle_connected, handle_disconnected = Handler(), Handler()
    handlers = {TenantConnected: handle_connected, TenantDisconnected: handle_disconnected}

    async def handled() -> bool:
        return bool(handle_connected.events and handle_disconnected.events)

    async with Publisher(SecretStr(broker.url), "test") as publisher:
        for event in (first, second):
            await publisher.publish(EVENTS, event.TYPE, event.to_json())
        async with running(
            consume_events(SecretStr(broker.url), EVENTS_INGESTOR, handlers, publisher)
        ):
            await until(handled)
    assert handle_connected.events == [first]
    assert handle_disconnected.events == [second]
    assert await count_messages(broker.url, EVENTS_INGESTOR) == 0


@pytest.mark.parametrize(
    ("body", "event_type", "error", "reason"),
    [
        (b"{}", "tenant.connected.v1", None, "event_malformed"),
        (b"{}", "tenant.erased.v1", None, "event_unknown"),
        (None, "tenant.connected.v1", InvalidInputError("no"), "VALIDATION_FAILED"),
    ],
)
async def test_an_event_that_cannot_be_handled_is_a_dead_letter(
    broker: Broker, body: bytes | None, event_type: str, error: Exception | None, reason: str
):
    async def buried() -> bool:
        return await count_messages(broker.url, DEAD_QUEUE) == 1

    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(EVENTS, event_type, body or connected().to_json())
        handlers = {TenantConnected: Handler(error)}
        async with running(
            consume_events(SecretStr(broker.url), EVENTS_INGESTOR, handlers, publisher)
        ):
            await until(buried)
    letter = await take_message(broker.url, DEAD_QUEUE)
    assert letter.headers["x-reason"] == reason
    assert letter.headers["x-kind"] == "event"
    assert letter.headers["x-consumer"] == EVENTS_INGESTOR
    assert letter.headers["x-event-type"] == event_type


async def test_an_event_that_comes_back_from_the_ladder_is_still_known(broker: Broker):
    event = connected()
    rung = f"{EVENTS_INGESTOR}.retry.5s"

    async def waiting() -> bool:
        return await count_messages(broker.url, rung) == 1

    async with Publisher(SecretStr(broker.url), "test") as publisher:
        await publisher.publish(EVENTS, event.TYPE, event.to_json())
        failing = {TenantConnected: Handler(TransientError("busy"))}
        url = SecretStr(broker.url)
        async with running(consume_events(url, EVENTS_INGESTOR, failing, publisher)):
            await until(waiting)
        retried = await take_message(broker.url, rung)
        # As the broker brings it back: by the name of the queue, with the headers it had.
        headers = {name: retried.headers[name] for name in ("x-attempt", "x-event-type")}
        await publisher.publish(DEFAULT, EVENTS_INGESTOR, retried.body, headers=headers)
        working = Handler()

        async def handled() -> bool:
            return working.events == [event]

        async with running(
            consume_events(url, EVENTS_INGESTOR, {TenantConnected: working}, publisher)
        ):
            await until(handled)


async def test_every_listener_gets_every_hint_also_after_a_cut(broker: Broker, door: Door):
    heard: dict[str, list[tuple[str, bytes]]] = {"one": [], "two": []}
    hint = StoreChanged(tenant_id=uuid4(), data_version=7)

    def listener(name: str, url: str):
        async def handle(routing_key: str, body: bytes) -> None:
            heard[name].append((routing_key, body))

        return listen_to_hints(SecretStr(url), "gateway", handle)

    async with Publisher(SecretStr(broker.url), "test") as publisher:

        async def send_until_heard() -> bool:
            assert await publisher.publish_transient(HINTS, hint.TYPE, hint.to_json())
            await asyncio.sleep(0.05)
            return bool(heard["one"] and heard["two"])

        async with running(listener("one", broker.url), listener("two", door.url)):
            await until(send_until_heard)
            door.cut()
            heard["two"].clear()
            await until(send_until_heard)
    assert heard["two"][0] == (StoreChanged.TYPE, hint.to_json())


async def test_the_gateway_may_listen_with_its_own_rights(broker: Broker):
    heard: list[bytes] = []

    async def handle(_routing_key: str, body: bytes) -> None:
        heard.append(body)

    async with Publisher(SecretStr(broker.url_for("ingestor")), "test") as publisher:

        async def send_until_heard() -> bool:
            await publisher.publish_transient(HINTS, "store.changed.v1", b"{}")
            await asyncio.sleep(0.05)
            return bool(heard)

        async with running(
            listen_to_hints(SecretStr(broker.url_for("gateway")), "gateway", handle)
        ):
            await until(send_until_heard)
