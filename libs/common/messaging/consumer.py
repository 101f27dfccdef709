"""Consumers: one batch is one call of the handler and one acknowledgement, after its commit.

Each function here runs for ever, survives the loss of the broker and of the database, and when
cancelled finishes what it is at. What fails is settled as `settling` says.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pydantic import SecretStr

from libs.common.errors import BrokerUnavailableError, MessageMalformedError
from libs.common.events.contracts import Event
from libs.common.logs import get_logger
from libs.common.messaging.dead_letters import DeadLetter, consume_dead, republish
from libs.common.messaging.fates import (
    ATTEMPT_HEADER,
    EVENT_TYPE_HEADER,
    Carrier,
    Handle,
    Item,
    Keeper,
    Kind,
    bury,
    dead_headers,
    exchange_for,
    surely,
)
from libs.common.messaging.inbox import Inbox, consume, finish, subscription
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import (
    DeliveryRecord,
    UnknownVersionError,
    UnreadableRecord,
    encode_records,
    read_records,
)
from libs.common.messaging.settling import Settler
from libs.common.messaging.topology import EVENTS, HINTS, LADDER, Lane, retry_queue

__all__ = [
    "DeadLetter",
    "consume_dead",
    "consume_deliveries",
    "consume_events",
    "listen_to_hints",
    "republish",
]

_PREFETCH = 1_000
"""Messages. Twice what one batch may take of messages with one record each: while it is applied the
next arrives."""
_MAX_RECORDS = 500
_MAX_BATCH_BYTES = 32 * 1024 * 1024
_EVENT_PREFETCH = 10
_ATTRIBUTES_BYTES = 500
"""Of one record, at most or nearly so."""

log = get_logger()

HandleRecords = Handle[DeliveryRecord]
HandleHint = Callable[[str, bytes], Awaitable[None]]


class DeliveryKeeper(Keeper[DeliveryRecord], Protocol):
    async def keep_unreadable(self, parts: Sequence[UnreadableRecord]) -> None:
        """As dead letters. Raises TransientError."""


async def consume_deliveries(
    amqp_url: SecretStr,
    queue: Lane,
    handle: HandleRecords,
    publisher: Publisher,
    keeper: DeliveryKeeper | None = None,
    *,
    prefetch: int = _PREFETCH,
    max_records: int = _MAX_RECORDS,
) -> None:
    """Hand what has arrived to `handle`, at most `max_records` a call.

    With a `keeper` nothing that is set aside waits for the broker.
    """
    settler = Settler(queue, handle, DELIVERIES, publisher, keeper)
    parts = _Parts(queue, publisher, keeper)

    async def work(inbox: Inbox) -> None:
        while True:
            gathered = await _gather(inbox, max_records)

            async def settle_all(gathered: _Gathered = gathered) -> None:
                items = gathered.items
                for start in range(0, len(items), max_records):
                    await settler.settle(items[start : start + max_records], inbox)
                await parts.bury(gathered.unreadable, inbox)
                for message in gathered.unknown:
                    await parts.try_later(message, inbox)
                await inbox.acknowledge(gathered.messages)

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


@dataclass(slots=True)
class _Gathered:
    """What one batch is made of; `unknown` are messages of a version that is not known yet."""

    messages: list[AbstractIncomingMessage] = field(default_factory=list)
    items: list[Item[DeliveryRecord]] = field(default_factory=list)
    unreadable: list[UnreadableRecord] = field(default_factory=list)
    unknown: list[AbstractIncomingMessage] = field(default_factory=list)


class _Parts:
    """What becomes of messages, or parts of them, that are not read."""

    def __init__(self, queue: Lane, publisher: Publisher, keeper: DeliveryKeeper | None) -> None:
        self._queue = queue
        self._publisher = publisher
        self._keeper = keeper

    async def bury(self, parts: Sequence[UnreadableRecord], inbox: Inbox) -> None:
        if not parts:
            return
        for part in parts:
            log.warning("record_unreadable", consumer=self._queue, reason=part.reason)
        if (keeper := self._keeper) is not None:
            await surely(lambda: keeper.keep_unreadable(parts), self._queue, inbox)
            return
        for part in parts:
            headers = dead_headers(self._queue, Kind.MESSAGE, part.reason, 1)
            await bury(self._publisher, self._queue, part.message, headers, inbox)

    async def try_later(self, message: AbstractIncomingMessage, inbox: Inbox) -> None:
        """A newer release reads what this one cannot: it comes with the next deploy."""
        attempt = _attempt(message)
        part = UnreadableRecord("version_unknown", message.body)
        if attempt >= len(LADDER):
            await self.bury([part], inbox)
            return
        log.warning("message_version_unknown", consumer=self._queue, attempt=attempt + 1)
        room = retry_queue(self._queue, list(LADDER)[attempt])
        headers: dict[str, str | int] = {ATTEMPT_HEADER: attempt + 1}
        try:
            await self._publisher.publish(
                exchange_for(self._queue), room, message.body, headers=headers
            )
        except BrokerUnavailableError:
            await self.bury([part], inbox)


DELIVERIES: Carrier[DeliveryRecord] = Carrier(
    kind=Kind.DELIVERY,
    encode=encode_records,
    headers=lambda _record: {},
    describe=lambda record: {
        "delivery_id": record.id,
        "tenant_id": str(record.tenant_id),
        "topic": record.type,
    },
    tenant=lambda record: record.tenant_id,
    size=lambda record: len(record.body) + _ATTRIBUTES_BYTES,
)
_EVENTS: Carrier[_EventMessage] = Carrier(
    kind=Kind.EVENT,
    encode=lambda messages: messages[0].body,
    headers=lambda message: {EVENT_TYPE_HEADER: message.type},
    describe=lambda message: {"event_type": message.type},
    tenant=lambda _message: None,
)


async def _gather(inbox: Inbox, max_records: int) -> _Gathered:
    """What has arrived, until it is enough for one batch; waits for the first message only."""
    gathered = _Gathered()
    size = 0
    message: AbstractIncomingMessage | None = await inbox.take()
    while message is not None:
        gathered.messages.append(message)
        size += len(message.body)
        try:
            records, unreadable = read_records(message.body)
        except UnknownVersionError:
            gathered.unknown.append(message)
        else:
            attempt = _attempt(message)
            gathered.items += [Item(record, attempt) for record in records]
            gathered.unreadable += unreadable
        enough = len(gathered.items) >= max_records or size >= _MAX_BATCH_BYTES
        message = None if enough else inbox.take_now()
    return gathered


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
