"""One engine a process, with bounds on everything that can wait."""

import asyncio
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from libs.common.database.failures import FAILURES
from libs.common.database.tls import tls_parameters
from libs.common.errors import DatabaseUnavailableError
from libs.common.logs import get_logger

_CONNECT_SECONDS = 5
_POOL_WAIT_SECONDS = 5
_STATEMENT_SECONDS = 30

log = get_logger()


def create_engine(
    url: SecretStr,
    application_name: str,
    *,
    pool_size: int = 10,
    statement_seconds: float = _STATEMENT_SECONDS,
    may_be_standby: bool = False,
) -> AsyncEngine:
    """An engine for `url` (`postgresql://`, with `tls_parameters`). Connects lazily.

    A statement, with its waits for locks, ends after `statement_seconds`. A standby is refused
    unless `may_be_standby`: after a failover the name may lead to it for a while, and what the
    pool held of it would be read from, out of date, for as long as the process lives.
    """
    parts = urlsplit(url.get_secret_value())
    arguments: dict[str, Any] = {
        "timeout": _CONNECT_SECONDS,
        "command_timeout": statement_seconds,
        "target_session_attrs": "any" if may_be_standby else "primary",
        "server_settings": {"application_name": application_name},
        **tls_arguments(url.get_secret_value()),
    }
    return create_async_engine(
        urlunsplit(("postgresql+asyncpg", parts.netloc, parts.path, "", "")),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=arguments,
    )


def tls_arguments(url: str) -> dict[str, str]:
    """What makes the driver connect with the TLS that `url` asks for.

    The driver takes the files of certificates from a URL only; all else is given beside it.
    """
    parameters = tls_parameters(url)
    return {"dsn": f"postgresql:///?{urlencode(parameters)}"} if parameters else {}


async def ping(engine: AsyncEngine) -> None:
    """Ask PostgreSQL for one row. Raises DatabaseUnavailableError."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except FAILURES as error:
        raise DatabaseUnavailableError("PostgreSQL does not answer") from error


async def wait_until_ready(engine: AsyncEngine, *, seconds: float = 60) -> None:
    """Wait for PostgreSQL with growing pauses, saying so.

    Raises DatabaseUnavailableError after `seconds`.
    """

    def say(state: RetryCallState) -> None:
        log.warning("waiting_for_database", attempt=state.attempt_number)

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(DatabaseUnavailableError),
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        stop=stop_after_delay(seconds),
        before_sleep=say,
        reraise=True,
    )
    await retrying(ping, engine)
