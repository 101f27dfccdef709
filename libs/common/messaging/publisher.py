"""Publishes and knows that it did: an error means "perhaps not", never silence.

It owns its connection. After any doubt the connection is dropped, because a broker that has an
alarm takes no more of it; the next use opens a fresh one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import uuid4

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import DeliveryError, PublishError
from pydantic import SecretStr

from libs.common.errors import BrokerUnavailableError
from libs.common.logs import get_logger
from libs.common.messaging.connections import CONNECTION_ERRORS, close, connect

Headers = Mapping[str, str | int]

_CONFIRM_SECONDS = 1.2
_MAX_IN_FLIGHT = 64

log = get_logger()


class MessageUnroutableError(BrokerUnavailableError):
    """No queue takes what is published there: a fault of the topology, not an outage."""


@dataclass(slots=True)
class _Link:
    """One connection with its two channels and the exchanges used on them."""

    connection: AbstractConnection
    confirmed: AbstractChannel
    transient: AbstractChannel
    exchanges: dict[tuple[bool, str], AbstractExchange] = field(default_factory=dict)

    def is_usable(self) -> bool:
        parts = (self.connection, self.confirmed, self.transient)
        return not any(part.is_closed for part in parts)

    async def exchange(self, name: str, *, confirmed: bool) -> AbstractExchange:
        exchange = self.exchanges.get((confirmed, name))
        if exchange is None:
            channel = self.confirmed if confirmed else self.transient
            exchange = channel.default_exchange
            if name:
                exchange = await channel.get_exchange(name, ensure=False)
            self.exchanges[(confirmed, name)] = exchange
        return exchange


class Publisher:
    """`async with Publisher(url, name) as publisher`. Connects at the first use."""

    def __init__(
        self, amqp_url: SecretStr, name: str, *, max_in_flight: int = _MAX_IN_FLIGHT
    ) -> None:
        self._amqp_url = amqp_url
        self._name = f"{name}.publisher"
        self._in_flight = asyncio.Semaphore(max_in_flight)
        self._link: _Link | None = None
        self._opening: asyncio.Task[_Link] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._link is not None:
            self._drop(self._link)
        if self._closing:
            await asyncio.wait(self._closing)

    async def publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        *,
        headers: Headers | None = None,
        timeout_seconds: float = _CONFIRM_SECONDS,
    ) -> None:
        """Return once the broker has confirmed that a queue holds the message.

        Raises BrokerUnavailableError otherwise; the message may still have arrived then, so
        publishing it again may make a second one. MessageUnroutableError: no queue wants it.
        """
        message = Message(
            body,
            message_id=uuid4().hex,  # the client matches returned messages by it
            delivery_mode=DeliveryMode.PERSISTENT,
            headers=dict(headers or {}),
        )
        link: _Link | None = None
        try:
            async with asyncio.timeout(timeout_seconds), self._in_flight:
                link = await self._connected()
                target = await link.exchange(exchange, confirmed=True)
                await target.publish(message, routing_key, mandatory=True)
        except PublishError as error:
            raise MessageUnroutableError(
                "no queue takes the message", exchange=exchange, routing_key=routing_key
            ) from error
        except DeliveryError as error:
            raise BrokerUnavailableError("RabbitMQ refused the message") from error
        except (*CONNECTION_ERRORS, asyncio.CancelledError) as error:
            self._drop(link)
            _raise_if_cancelled(error)
            raise BrokerUnavailableError("RabbitMQ did not confirm in time") from error

    async def publish_transient(self, exchange: str, routing_key: str, body: bytes) -> bool:
        """Send what may be lost. False when it was not even written to the connection."""
        message = Message(body, delivery_mode=DeliveryMode.NOT_PERSISTENT)
        link: _Link | None = None
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                link = await self._connected()
                target = await link.exchange(exchange, confirmed=False)
                await target.publish(message, routing_key, mandatory=False)
        except BrokerUnavailableError:
            return False
        except (*CONNECTION_ERRORS, asyncio.CancelledError) as error:
            self._drop(link)
            _raise_if_cancelled(error)
            return False
        return True

    async def _connected(self) -> _Link:
        """The open link. Whoever comes while one is being opened waits for that one."""
        link = self._link
        if link is not None and link.is_usable():
            return link
        if self._opening is None:
            self._drop(link)
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    async def _open(self) -> _Link:
        connection = await connect(self._amqp_url, self._name)
        try:
            confirmed = await connection.channel(publisher_confirms=True, on_return_raises=True)
            transient = await connection.channel(publisher_confirms=False)
        except BaseException:
            await close(connection)
            raise
        return _Link(connection, confirmed, transient)

    def _opened(self, opening: asyncio.Task[_Link]) -> None:
        self._opening = None
        # Asking for the error also marks it as seen when every caller has given up.
        if not opening.cancelled() and opening.exception() is None:
            self._link = opening.result()

    def _drop(self, link: _Link | None) -> None:
        if link is None:
            return
        if self._link is link:
            self._link = None
        closing = asyncio.create_task(close(link.connection))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def _raise_if_cancelled(error: BaseException) -> None:
    """The driver cancels its own futures when a connection ends; that is no cancellation of us."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error
