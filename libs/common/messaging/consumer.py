"""Consumers: one batch is one call of the handler and one acknowledgement, after its commit.

Each function here runs for ever, survives the loss of the broker and of the database, and when
cancelled finishes what it is at. What fails is carried on as `fates` says.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pydantic import SecretStr

from libs.common.errors import MessageMalformedError
from libs.common.events.contracts import Event
from libs.common.messaging.dead_letters import DeadLetter, consume_dead, republish
from libs.common.messaging.fates import (
    ATTEMPT_HEADER,
    EVENT_TYPE_HEADER,
    Carrier,
    Item,
    Kind,
    Settler,
    bury,
    dead_headers,
    reason_of,
)
from libs.common.messaging.inbox import Inbox, consume, finish, subscription
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, decode_records, encode_records
from libs.common.messaging.topology import EVENTS, HINTS, Lane

__all__ = [
    "DeadLetter",
    "consume_dead",
    "consume_deliveries",
    "consume_events",
    "listen_to_hints",
    "republish",
]

_PREFETCH = 100
_MAX_RECORDS = 500
_EVENT_PREFETCH = 10

HandleRecords = Callable[[Sequence[DeliveryRecord]], Awaitable[None]]
HandleHint = Callable[[str, bytes], Awaitable[None]]


async def consume_deliveries(
    amqp_url: SecretStr,
    queue: Lane,
    handle: HandleRecords,
    publisher: Publisher,
    *,
    prefetch: int = _PREFETCH,
    max_records: int = _MAX_RECORDS,
) -> None:
    """Hand what has arrived to `handle`, at most `max_records` a call.

    `handle` commits or raises; it may be given the same record again, alone or in another batch.
    """
    settler = Settler(queue, handle, _DELIVERIES, publisher)

    async def work(inbox: Inbox) -> None:
        while True:
            messages, items, unreadable = await _gather(inbox, max_records)

            async def settle_all(
                messages: Sequence[AbstractIncomingMessage] = messages,
                items: Sequence[Item[DeliveryRecord]] = items,
                unreadable: Sequence[_Unreadable] = unreadable,
            ) -> None:
                for start in range(0, len(items), max_records):
                    await settler.settle(items[start : start + max_records], inbox)
                for one in unreadable:
                    headers = dead_headers(queue, Kind.MESSAGE, one.reason, 1)
                    await bury(publisher, queue, one.body, headers, inbox)
                await inbox.acknowledge(messages)

            await finish(settle_all(), inbox)

    await consume(amqp_url, queue, subscription(queue, prefetch), work)


async def consume_events(
    amqp_url: SecretStr,
    queue: str,
    handlers: Mapping[type[Event], Callable[[Any], Awaitable[None]]],
    publisher: Publisher,
) -> None:
    """Hand each event to the handler of its class, one after the other.

    A handler may be given the same event again. An event nobody handles is a dead letter.
    """
    by_type = {kind.TYPE: (kind, handle) for kind, handle in handlers.items()}

    async def handle(messages: Sequence[_EventMessage]) -> None:
        for message in messages:
            if message.type not in by_type:
                raise MessageMalformedError("an event nobody handles", reason="event_unknown")
            kind, handle_event = by_type[message.type]
            await handle_event(kind.from_json(message.body))

    settler = Settler(queue, handle, _EVENTS, publisher)

    async def settle(message: AbstractIncomingMessage, inbox: Inbox) -> None:
        await settler.settle([Item(_event_message(message), _attempt(message))], inbox)
        await inbox.acknowledge([message])

    async def work(inbox: Inbox) -> None:
        while True:
            await finish(settle(await inbox.take(), inbox), inbox)

    await consume(amqp_url, queue, subscription(queue, _EVENT_PREFETCH), work)


async def listen_to_hints(amqp_url: SecretStr, name: str, handle: HandleHint) -> None:
    """Hand every hint to `handle(routing_key, body)`, from a queue of this process's own.

    Hints sent while nobody listened are lost, as hints may be.
    """
    queue_name = f"gateway.hints.{name}.{uuid4().hex[:8]}"

    async def subscribe(channel: AbstractChannel, inbox: Inbox) -> None:
        queue = await channel.declare_queue(queue_name, exclusive=True, auto_delete=True)
        await queue.bind(await channel.get_exchange(HINTS, ensure=False), "#")
        await queue.consume(inbox.put, no_ack=True)

    async def work(inbox: Inbox) -> None:
        while True:
            message = await inbox.take()
            await handle(message.routing_key or "", message.body)

    await consume(amqp_url, f"hints.{name}", subscribe, work)


@dataclass(frozen=True, slots=True)
class _EventMessage:
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Unreadable:
    reason: str
    body: bytes


_DELIVERIES: Carrier[DeliveryRecord] = Carrier(
    kind=Kind.DELIVERY,
    encode=lambda record: encode_records([record]),
    headers=lambda _record: {},
    describe=lambda record: {
        "delivery_id": record.id,
        "tenant_id": str(record.tenant_id),
        "topic": record.type,
    },
)
_EVENTS: Carrier[_EventMessage] = Carrier(
    kind=Kind.EVENT,
    encode=lambda message: message.body,
    headers=lambda message: {EVENT_TYPE_HEADER: message.type},
    describe=lambda message: {"event_type": message.type},
)


async def _gather(
    inbox: Inbox, max_records: int
) -> tuple[list[AbstractIncomingMessage], list[Item[DeliveryRecord]], list[_Unreadable]]:
    """What has arrived, until it is enough for one batch; waits for the first message only."""
    messages: list[AbstractIncomingMessage] = []
    items: list[Item[DeliveryRecord]] = []
    unreadable: list[_Unreadable] = []
    message: AbstractIncomingMessage | None = await inbox.take()
    while message is not None:
        messages.append(message)
        try:
            attempt = _attempt(message)
            items += [Item(record, attempt) for record in decode_records(message.body)]
        except MessageMalformedError as error:
            unreadable.append(_Unreadable(reason_of(error), message.body))
        message = inbox.take_now() if len(items) < max_records else None
    return messages, items, unreadable


def _attempt(message: AbstractIncomingMessage) -> int:
    attempt = message.headers.get(ATTEMPT_HEADER, 0)
    return attempt if isinstance(attempt, int) and attempt > 0 else 0


def _event_message(message: AbstractIncomingMessage) -> _EventMessage:
    """A retried event has lost its routing key on the ladder and names its type in a header.

    Nothing else may: the broker's permissions are over routing keys, not over headers.
    """
    named = message.routing_key
    if message.exchange != EVENTS:
        named = str(message.headers.get(EVENT_TYPE_HEADER) or named)
    return _EventMessage(named or "", message.body)
