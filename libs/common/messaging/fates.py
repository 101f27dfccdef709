"""What becomes of an item that a consumer could not handle: again later, or a dead letter.

`settling` decides it. An item counts as settled only when the broker has confirmed the message that
carries it on, or the service's own database has it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from libs.common.errors import MessageMalformedError, PlatformError, TransientError
from libs.common.logs import get_logger
from libs.common.messaging.inbox import Inbox
from libs.common.messaging.publisher import Headers, Publisher
from libs.common.messaging.topology import (
    DEAD_QUEUE,
    reader_of,
    retry_exchange,
)

ATTEMPT_HEADER = "x-attempt"
"""How often the item was tried before. Our own: RabbitMQ 4 ignores an x-death we would send."""
CONSUMER_HEADER = "x-consumer"
EVENT_TYPE_HEADER = "x-event-type"
KIND_HEADER = "x-kind"
REASON_HEADER = "x-reason"

FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 10

log = get_logger()


class Kind(StrEnum):
    """What a dead letter holds; a `message` is one that could not be read at all."""

    DELIVERY = "delivery"
    EVENT = "event"
    MESSAGE = "message"


_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Item(Generic[_Value]):
    """One delivery or event, and how often it was tried before."""

    value: _Value
    attempt: int


@dataclass(frozen=True, slots=True)
class Carrier(Generic[_Value]):
    """How values of one kind are put into a message, and what a log says of one."""

    kind: Kind
    encode: Callable[[Sequence[_Value]], bytes]
    headers: Callable[[_Value], Headers]
    describe: Callable[[_Value], dict[str, object]]
    tenant: Callable[[_Value], UUID | None]
    size: Callable[[_Value], int] | None = None
    """In bytes. None where a message carries one value alone."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a consumer pauses: `dead` of its last `records` would be dead letters, of `tenants`.

    `reason` is the most frequent one.
    """

    dead: int
    records: int
    tenants: int
    reason: str


@dataclass(frozen=True, slots=True)
class Failure(Generic[_Value]):
    """A value that could not be handled while the others of its batch were, and why.

    `given` is the value as the handler got it, where it has learned more about it since.
    """

    value: _Value
    error: Exception
    given: _Value | None = None


Handle = Callable[[Sequence[_Value]], Awaitable[Sequence[Failure[_Value]] | None]]
"""Commits what it can and returns the failures whose culprits it knows; raises for all the rest.

It may be given the same value again, alone or in another batch.
"""


@dataclass(frozen=True, slots=True)
class SetAside(Generic[_Value]):
    """An item that is not handled now. `attempt` counts this one too."""

    value: _Value
    attempt: int
    reason: str


class Keeper(Protocol[_Value]):
    """Where a service keeps what it sets aside, so that its consumer needs no broker for that.

    A broker under an alarm takes no message, and its queues drain only while consumers go on.
    """

    async def keep_dead(self, items: Sequence[SetAside[_Value]]) -> None: ...

    async def keep_for_retry(self, items: Sequence[SetAside[_Value]], seconds: float) -> None:
        """`seconds` from now the items are to be handled again."""
        ...

    async def note_pause(self, pause: Pause) -> None:
        """For an operator to see. It is noted again for as long as it lasts."""
        ...


def reason_of(error: Exception) -> str:
    """What a dead letter says of `error`: its own reason, its code, or the name of its class."""
    if isinstance(error, PlatformError):
        return str(error.context.get("reason", error.code))
    return type(error).__name__


def dead_headers(queue: str, kind: Kind, reason: str, attempts: int) -> dict[str, str | int]:
    return {
        CONSUMER_HEADER: queue,
        KIND_HEADER: kind.value,
        REASON_HEADER: reason,
        ATTEMPT_HEADER: attempts,
    }


def exchange_for(queue: str) -> str:
    """The exchange by which the reader of `queue` carries on what it took from there.

    Raises MessageMalformedError for a queue that no service reads.
    """
    service = reader_of(queue)
    if service is None:
        raise MessageMalformedError("it names a queue that nobody reads", reason="queue_unknown")
    return retry_exchange(service)


async def bury(
    publisher: Publisher, queue: str, body: bytes, headers: Headers, inbox: Inbox
) -> None:
    """Send a dead letter of `queue` to the keeper."""
    await publish_surely(publisher, exchange_for(queue), DEAD_QUEUE, body, headers, inbox)


async def publish_surely(
    publisher: Publisher,
    exchange: str,
    routing_key: str,
    body: bytes,
    headers: Headers,
    inbox: Inbox,
) -> None:
    """Publish, again and again until confirmed.

    Raises BrokerUnavailableError when `inbox` ends first.
    """
    await surely(
        lambda: publisher.publish(exchange, routing_key, body, headers=headers), exchange, inbox
    )


async def surely(work: Callable[[], Awaitable[None]], name: str, inbox: Inbox) -> None:
    """Have `work` done, again and again while it raises TransientError, with growing pauses.

    Raises BrokerUnavailableError when `inbox` ends first.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await work()
        except TransientError as error:
            log.warning("consumer_waits", consumer=name, code=error.code, reason=error.message)
            await inbox.pause(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)
        else:
            return
