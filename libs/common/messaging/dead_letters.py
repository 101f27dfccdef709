"""The keeper of dead letters: reads the dead queue, one letter for each delivery or event.

A letter that cannot be kept waits half an hour and comes again; it is never dropped. Which queue a
letter is from is a claim of its sender; the exchange it came by, which the broker tells, proves it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from aio_pika.abc import AbstractIncomingMessage
from pydantic import SecretStr

from libs.common.errors import DatabaseUnavailableError, MessageMalformedError
from libs.common.logs import get_logger
from libs.common.messaging.fates import (
    ATTEMPT_HEADER,
    CONSUMER_HEADER,
    EVENT_TYPE_HEADER,
    KIND_HEADER,
    REASON_HEADER,
    Kind,
    dead_headers,
    exchange_for,
    publish_surely,
    reason_of,
)
from libs.common.messaging.inbox import Inbox, consume, finish, subscription
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, decode_records, encode_records
from libs.common.messaging.topology import (
    DEAD,
    DEAD_QUEUE,
    DEAD_RUNG,
    DEFAULT,
    Lane,
    reader_of,
    retry_exchange,
    retry_queue,
)
from libs.common.security_events import SecurityEvent, record_security_event

_PREFETCH = 20
_LATER = retry_queue(DEAD_QUEUE, DEAD_RUNG)
_PAUSE_SECONDS = 1.0
_REPUBLISH_TIMEOUT_SECONDS = 10.0
_FORGED = "consumer_forged"

log = get_logger()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One delivery, event or unreadable message that was given up.

    `record` is a whole message body: what `republish` sends to the queue it came from.
    """

    consumer: str
    kind: Kind
    reason: str
    attempts: int
    record: bytes
    tenant_id: UUID | None = None
    topic: str | None = None
    """The topic of a delivery, the type of an event."""
    delivery_id: str | None = None
    """The webhook id of a delivery, the event id of an event."""
    triggered_at: datetime | None = None


StoreLetter = Callable[[DeadLetter], Awaitable[None]]


async def consume_dead(amqp_url: SecretStr, store: StoreLetter, publisher: Publisher) -> None:
    """Hand every dead letter to `store`, acknowledged when it has returned. Runs for ever."""

    async def work(inbox: Inbox) -> None:
        while True:
            message = await inbox.take()
            await finish(_keep(message, inbox, store, publisher), inbox)

    await consume(amqp_url, DEAD_QUEUE, subscription(DEAD_QUEUE, _PREFETCH), work)


async def republish(publisher: Publisher, letter: DeadLetter) -> None:
    """Send a letter back to the queue it came from, as if it had never been tried.

    A service can do so for its own queues only, the owner for all. Raises BrokerUnavailableError,
    and MessageMalformedError for a letter that is from no queue of a service.
    """
    exchange = exchange_for(letter.consumer)
    await publisher.publish(
        exchange,
        letter.consumer,
        letter.record,
        headers=_event_type(letter),
        timeout_seconds=_REPUBLISH_TIMEOUT_SECONDS,
    )


async def _keep(
    message: AbstractIncomingMessage, inbox: Inbox, store: StoreLetter, publisher: Publisher
) -> None:
    for letter in letters_of(message):
        if not await _stored(letter, inbox, store):
            headers = dead_headers(letter.consumer, letter.kind, letter.reason, letter.attempts)
            await publish_surely(
                publisher,
                exchange_for(DEAD_QUEUE),
                _LATER,
                letter.record,
                headers | _event_type(letter),
                inbox,
            )
    await inbox.acknowledge([message])


async def _stored(letter: DeadLetter, inbox: Inbox, store: StoreLetter) -> bool:
    while True:
        try:
            await store(letter)
        except DatabaseUnavailableError:
            log.warning("consumer_waits_for_database", consumer=DEAD_QUEUE, items=1)
            await inbox.pause(_PAUSE_SECONDS)
        except Exception:  # one letter must not stop the keeper
            log.exception("dead_letter_not_kept", consumer=letter.consumer, reason=letter.reason)
            return False
        else:
            return True


def letters_of(message: AbstractIncomingMessage) -> Sequence[DeadLetter]:
    """One letter for each record of `message`, whoever gave it up: a consumer or the broker."""
    headers = message.headers
    death = _death(headers)
    # What comes by `dead` the broker buried itself, unless it is from before services had
    # exchanges of their own.
    by_broker = death.get("queue") if message.exchange == DEAD else None
    consumer = str(by_broker or headers.get(CONSUMER_HEADER) or DEAD_QUEUE)
    if not _may_bury(message.exchange, consumer):
        record_security_event(
            SecurityEvent.DEAD_LETTER_FORGED, exchange=message.exchange, consumer=consumer
        )
        return [_unreadable(message.body, _Common(DEAD_QUEUE, _FORGED, 1))]
    own_kind = headers.get(KIND_HEADER)
    kind = Kind(str(own_kind)) if own_kind in set(Kind) else _kind_of(consumer)
    reason = str(headers.get(REASON_HEADER) or death.get("reason") or "unknown")
    attempts = headers.get(ATTEMPT_HEADER)
    common = _Common(consumer, reason, attempts if isinstance(attempts, int) else 1)
    if kind is Kind.DELIVERY:
        return _deliveries(message.body, common)
    if kind is Kind.EVENT:
        event_type = headers.get(EVENT_TYPE_HEADER) or message.routing_key
        return [_event(message.body, str(event_type), common)]
    return [_unreadable(message.body, common)]


@dataclass(frozen=True, slots=True)
class _Common:
    consumer: str
    reason: str
    attempts: int


def _deliveries(body: bytes, common: _Common) -> Sequence[DeadLetter]:
    try:
        records = decode_records(body)
    except MessageMalformedError as error:
        return [_unreadable(body, _Common(common.consumer, reason_of(error), common.attempts))]
    return [
        delivery_letter(common.consumer, record, common.reason, common.attempts)
        for record in records
    ]


def delivery_letter(
    consumer: str, record: DeliveryRecord, reason: str, attempts: int
) -> DeadLetter:
    return DeadLetter(
        consumer=consumer,
        kind=Kind.DELIVERY,
        reason=reason,
        attempts=attempts,
        record=encode_records([record]),
        tenant_id=record.tenant_id,
        topic=record.type,
        delivery_id=record.id,
        triggered_at=record.time,
    )


def _event(body: bytes, event_type: str, common: _Common) -> DeadLetter:
    tenant_id, event_id, occurred_at = _event_facts(body)
    return DeadLetter(
        consumer=common.consumer,
        kind=Kind.EVENT,
        reason=common.reason,
        attempts=common.attempts,
        record=body,
        tenant_id=tenant_id,
        topic=event_type,
        delivery_id=event_id,
        triggered_at=occurred_at,
    )


def _unreadable(body: bytes, common: _Common) -> DeadLetter:
    return DeadLetter(common.consumer, Kind.MESSAGE, common.reason, common.attempts, body)


def _event_facts(body: bytes) -> tuple[UUID | None, str | None, datetime | None]:
    try:
        event = orjson.loads(body)
        return (
            UUID(event["tenantId"]),
            str(event["eventId"]),
            datetime.fromisoformat(event["occurredAt"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, None, None


def _event_type(letter: DeadLetter) -> dict[str, str | int]:
    if letter.kind != Kind.EVENT or letter.topic is None:
        return {}
    return {EVENT_TYPE_HEADER: letter.topic}


def _kind_of(consumer: str) -> Kind:
    return Kind.DELIVERY if consumer in set(Lane) else Kind.EVENT


def _may_bury(exchange: str | None, consumer: str) -> bool:
    """Whether a letter of `consumer` can have come by `exchange`.

    Only the broker itself sends by `dead`, and only the keeper's ladder leads back by the default
    exchange; a service has its own exchange and no other.
    """
    if exchange in (DEAD, DEFAULT) or consumer == DEAD_QUEUE:
        return True
    service = reader_of(consumer)
    return service is not None and exchange == retry_exchange(service)


def _death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The broker's own account of the death; coming back from a ladder is not one."""
    deaths = headers.get("x-death")
    if not isinstance(deaths, list):
        return {}
    return next((death for death in deaths if death.get("reason") != "expired"), {})
