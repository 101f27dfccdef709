"""Waiting for backing services that were given by URL: with backoff, aloud, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aio_pika
import asyncpg
from aiormq.exceptions import AMQPConnectionError, ProbableAuthenticationError

from libs.common.database.tls import tls_parameters
from libs.ops.errors import BackingServiceError

_WAIT_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0

Say = Callable[[str], None]


async def wait_for_database(url: str, say: Say, *, seconds: float = _WAIT_SECONDS) -> None:
    """Raises BackingServiceError when it refuses us, or does not answer within `seconds`."""
    try:
        tls_parameters(url)
    except ValueError as error:
        raise BackingServiceError(f"DATABASE_URL {error}") from None

    async def attempt() -> None:
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError):
            raise BackingServiceError(
                f"{_place('PostgreSQL', url)} refuses the user, password or database "
                "in DATABASE_URL"
            ) from None
        await connection.close()

    absent = (OSError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
    await _until(_place("PostgreSQL", url), attempt, absent, say, seconds)


async def wait_for_broker(url: str, say: Say, *, seconds: float = _WAIT_SECONDS) -> None:
    """Raises BackingServiceError when it refuses us, or does not answer within `seconds`."""

    async def attempt() -> None:
        try:
            connection = await aio_pika.connect(url, timeout=5)
        except ProbableAuthenticationError:
            raise BackingServiceError(
                f"{_place('RabbitMQ', url)} refuses the user or password in AMQP_URL"
            ) from None
        await connection.close()

    await _until(_place("RabbitMQ", url), attempt, (OSError, AMQPConnectionError), say, seconds)


async def _until(
    what: str,
    attempt: Callable[[], Awaitable[None]],
    absent: tuple[type[Exception], ...],
    say: Say,
    seconds: float,
) -> None:
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + seconds, _FIRST_PAUSE
    while True:
        try:
            await attempt()
        except absent as error:
            if clock() + pause > deadline:
                raise BackingServiceError(
                    f"{what} does not answer: given up after {seconds:.0f} s"
                ) from error
        else:
            return
        say(f"waiting for {what}")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _place(name: str, url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{name} at {parts.hostname}{port}"
