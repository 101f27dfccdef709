"""What a consumer has been given and has not settled yet, on a connection used for that alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from pydantic import SecretStr

from libs.common.errors import BrokerUnavailableError
from libs.common.logs import get_logger
from libs.common.messaging.connections import CONNECTION_ERRORS, close, connect, wait_until_ready

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10
_GRACE_SECONDS = 20
_WATCH_SECONDS = 30
_ANSWER_SECONDS = 5

log = get_logger()


class Inbox:
    """One channel's unsettled messages, oldest first.

    What is not acknowledged before the connection ends comes again, perhaps to someone else.
    """

    def __init__(self, watch_seconds: float = _WATCH_SECONDS) -> None:
        self._watch_seconds = watch_seconds
        self._count_waiting: Callable[[], Awaitable[int]] | None = None
        self._messages: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._in_order = 0
        """Every delivery tag up to this one is acknowledged; -1 once they came out of order."""

    async def put(self, message: AbstractIncomingMessage) -> None:
        self._messages.put_nowait(message)

    def end(self, *_: object) -> None:
        """The channel is gone, or the broker has cancelled the consumer."""
        self._ended.set()

    def watch(self, count_waiting: Callable[[], Awaitable[int]]) -> None:
        """Ask now and then, while nothing arrives, whether something should.

        A queue that is deleted and made again loses its consumers without telling them.
        """
        self._count_waiting = count_waiting

    async def take(self) -> AbstractIncomingMessage:
        """The next message, waiting for it. Raises BrokerUnavailableError once it has ended."""
        while (message := self.take_now()) is None:
            arrival = asyncio.create_task(self._messages.get())
            end = asyncio.create_task(self._ended.wait())
            try:
                await asyncio.wait(
                    {arrival, end},
                    timeout=self._watch_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                end.cancel()
                arrival.cancel()
            if self._ended.is_set():
                raise BrokerUnavailableError("the broker no longer delivers")
            if arrival.done() and not arrival.cancelled():
                return arrival.result()
            await self._check_starved()
        return message

    async def _check_starved(self) -> None:
        if self._count_waiting is None:
            return
        try:
            waiting = await self._count_waiting()
        except CONNECTION_ERRORS as error:
            raise BrokerUnavailableError("the queue does not answer") from error
        if waiting and self._messages.empty():
            raise BrokerUnavailableError("messages wait but do not arrive", waiting=waiting)

    def take_now(self) -> AbstractIncomingMessage | None:
        """The next message, if one has arrived already."""
        return None if self._messages.empty() else self._messages.get_nowait()

    async def acknowledge(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        """Tell the broker that all of `messages` are settled. Raises BrokerUnavailableError."""
        tags = [message.delivery_tag or 0 for message in messages]
        first = self._in_order + 1
        try:
            if self._in_order >= 0 and tags == list(range(first, first + len(tags))):
                self._in_order = tags[-1]
                await messages[-1].ack(multiple=True)
                return
            # "All up to this one" would settle a message that is still on its way to us.
            self._in_order = -1
            for message in messages:
                await message.ack()
        except CONNECTION_ERRORS as error:
            raise BrokerUnavailableError("the connection ended before the settlement") from error

    async def pause(self, seconds: float) -> None:
        """Wait that long. Raises BrokerUnavailableError when this ends meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return
        raise BrokerUnavailableError("the broker no longer delivers")


Subscribe = Callable[[AbstractChannel, Inbox], Awaitable[None]]


def subscription(queue: str, prefetch: int) -> Subscribe:
    """Consumes `queue`, with at most `prefetch` messages unsettled."""

    async def subscribe(channel: AbstractChannel, inbox: Inbox) -> None:
        await channel.set_qos(prefetch_count=prefetch)
        source = await channel.get_queue(queue, ensure=False)
        await source.consume(inbox.put)

        async def count_waiting() -> int:
            same = await channel.declare_queue(queue, passive=True, timeout=_ANSWER_SECONDS)
            return same.declaration_result.message_count or 0

        inbox.watch(count_waiting)

    return subscribe


async def consume(
    amqp_url: SecretStr, name: str, subscribe: Subscribe, work: Callable[[Inbox], Awaitable[None]]
) -> None:
    """Run `work` on an inbox, and on a new one after each loss of the connection, for ever.

    Raises BrokerUnavailableError when the broker stays away at the start.
    """
    await wait_until_ready(amqp_url, f"{name}.consumer")
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            async with _open(amqp_url, name, subscribe) as inbox:
                log.info("consuming", consumer=name)
                pause = _FIRST_PAUSE_SECONDS
                await work(inbox)
        except BrokerUnavailableError as error:
            log.warning("consumer_disconnected", consumer=name, reason=error.message)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


@asynccontextmanager
async def _open(amqp_url: SecretStr, name: str, subscribe: Subscribe) -> AsyncIterator[Inbox]:
    connection = await connect(amqp_url, f"{name}.consumer")
    try:
        yield await _subscribe(connection, subscribe)
    finally:
        await close(connection)


async def _subscribe(connection: AbstractConnection, subscribe: Subscribe) -> Inbox:
    inbox = Inbox()
    try:
        channel = await connection.channel()
        channel.close_callbacks.add(inbox.end)
        driver = await channel.get_underlay_channel()
        driver.on_consumer_cancel_callbacks.add(inbox.end)
        await subscribe(channel, inbox)
    except CONNECTION_ERRORS as error:
        raise BrokerUnavailableError("the queue cannot be consumed") from error
    return inbox


async def finish(work: Coroutine[Any, Any, None], inbox: Inbox) -> None:
    """Await `work`. A cancellation lets it come to its end first, for a bounded time."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        inbox.end()
        await asyncio.wait({task}, timeout=_GRACE_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
