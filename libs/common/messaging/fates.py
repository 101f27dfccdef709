"""What becomes of an item that a consumer could not handle: again later, or a dead letter.

An item counts as settled only when the broker has confirmed the message that carries it on.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from libs.common.errors import (
    BrokerUnavailableError,
    DatabaseUnavailableError,
    MessageMalformedError,
    PermanentError,
    PlatformError,
)
from libs.common.logs import get_logger
from libs.common.messaging.inbox import Inbox
from libs.common.messaging.publisher import Headers, Publisher
from libs.common.messaging.topology import (
    DEAD_QUEUE,
    LADDER,
    reader_of,
    retry_exchange,
    retry_queue,
)

ATTEMPT_HEADER = "x-attempt"
"""How often the item was tried before. Our own: RabbitMQ 4 ignores an x-death we would send."""
CONSUMER_HEADER = "x-consumer"
EVENT_TYPE_HEADER = "x-event-type"
KIND_HEADER = "x-kind"
REASON_HEADER = "x-reason"

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10

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
    """How a value of one kind is put into a message of its own, and what a log says of it."""

    kind: Kind
    encode: Callable[[_Value], bytes]
    headers: Callable[[_Value], Headers]
    describe: Callable[[_Value], dict[str, object]]


class Settler(Generic[_Value]):
    """Gives each item of one queue its fate."""

    def __init__(
        self,
        queue: str,
        handle: Callable[[Sequence[_Value]], Awaitable[None]],
        carrier: Carrier[_Value],
        publisher: Publisher,
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._carrier = carrier
        self._publisher = publisher

    async def settle(self, items: Sequence[Item[_Value]], inbox: Inbox) -> None:
        """Return once every item is handled, waits on the ladder, or is a dead letter.

        A batch that fails is halved until what fails stands alone. Raises BrokerUnavailableError
        when `inbox` ends before that; the items will come again.
        """
        error = await self._try(items, inbox)
        if error is None:
            return
        if len(items) > 1:
            middle = len(items) // 2
            await self.settle(items[:middle], inbox)
            await self.settle(items[middle:], inbox)
            return
        await self._carry_on(items[0], error, inbox)

    async def _try(self, items: Sequence[Item[_Value]], inbox: Inbox) -> Exception | None:
        """The error of the handler, if any. Waits for the database instead of blaming an item."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._handle([item.value for item in items])
            except DatabaseUnavailableError:
                log.warning("consumer_waits_for_database", consumer=self._queue, items=len(items))
                await inbox.pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - a bug must not stop the queue
                return error
            else:
                return None

    async def _carry_on(self, item: Item[_Value], error: Exception, inbox: Inbox) -> None:
        rungs = list(LADDER)
        headers = dict(self._carrier.headers(item.value))
        body = self._carrier.encode(item.value)
        attempts = item.attempt + 1
        if isinstance(error, PermanentError) or item.attempt >= len(rungs):
            self._log("dead_lettered", item, error)
            await bury(
                self._publisher,
                self._queue,
                body,
                dead_headers(self._queue, self._carrier.kind, reason_of(error), attempts) | headers,
                inbox,
            )
            return
        self._log("retry_scheduled", item, error)
        waiting_room = retry_queue(self._queue, rungs[item.attempt])
        await publish_surely(
            self._publisher,
            exchange_for(self._queue),
            waiting_room,
            body,
            headers | {ATTEMPT_HEADER: attempts},
            inbox,
        )

    def _log(self, fate: str, item: Item[_Value], error: Exception) -> None:
        expected = isinstance(error, PlatformError)
        log.warning(
            "item_failed",
            fate=fate,
            consumer=self._queue,
            attempt=item.attempt + 1,
            reason=reason_of(error),
            exc_info=None if expected else error,
            **self._carrier.describe(item.value),
        )


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
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            await publisher.publish(exchange, routing_key, body, headers=headers)
        except BrokerUnavailableError as error:
            log.warning("consumer_waits_for_broker", exchange=exchange, reason=error.message)
            await inbox.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        else:
            return
