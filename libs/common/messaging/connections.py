"""Connections to RabbitMQ. One either publishes or consumes, never both.

During a broker alarm the broker stops reading from whoever publishes, acknowledgements included.
"""

import asyncio

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from pydantic import SecretStr
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from libs.common.errors import BrokerUnavailableError
from libs.common.logs import get_logger

CONNECTION_ERRORS = (*CONNECTION_EXCEPTIONS, TimeoutError)

_CONNECT_SECONDS = 5
_CLOSE_SECONDS = 5
_HEARTBEAT_SECONDS = "15"

log = get_logger()


async def connect(amqp_url: SecretStr, name: str) -> AbstractConnection:
    """A connection that `rabbitmqctl list_connections` shows under `name`.

    Raises BrokerUnavailableError.
    """
    try:
        return await aio_pika.connect(
            amqp_url.get_secret_value(),
            timeout=_CONNECT_SECONDS,
            heartbeat=_HEARTBEAT_SECONDS,
            client_properties={"connection_name": name},
        )
    except CONNECTION_ERRORS as error:
        raise BrokerUnavailableError("RabbitMQ does not answer") from error


async def close(connection: AbstractConnection) -> None:
    """Close, in bounded time and without an error, a connection that may be broken."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()
    except CONNECTION_ERRORS as error:
        log.debug("connection_close_failed", error=type(error).__name__)


async def wait_until_ready(amqp_url: SecretStr, name: str, *, seconds: float = 60) -> None:
    """Wait for RabbitMQ with growing pauses, saying so.

    Raises BrokerUnavailableError after `seconds`.
    """

    def say(state: RetryCallState) -> None:
        log.warning("waiting_for_broker", attempt=state.attempt_number)

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(BrokerUnavailableError),
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        stop=stop_after_delay(seconds),
        before_sleep=say,
        reraise=True,
    )
    await close(await retrying(connect, amqp_url, name))
