"""Brings a database and its service roles to this version.

It runs as the owner, never from a service. Two runs at once wait for each other.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from libs.common.database.engine import tls_arguments
from libs.ops.errors import OperationError
from libs.ops.roles import ensure_roles, restrict_temporary_tables

LATEST = "head"
_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 7_471_153_201  # any number nobody else uses
_LOCK_TRIES = 600
_POLL_SECONDS = 0.5


def newest_revision() -> str | None:
    """The revision that `migrate` brings a database to."""
    return ScriptDirectory.from_config(_config()).get_current_head()


async def migrate(owner_url: str, passwords: Mapping[str, str]) -> None:
    """Roles, then every migration that is missing. `passwords` by service name."""
    async with _only_run(owner_url) as engine:
        async with engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await ensure_roles(autocommit, passwords)
            await restrict_temporary_tables(autocommit)
        await _alembic(engine, "upgrade", LATEST)


async def migrate_down(owner_url: str, revision: str) -> None:
    """Back to `revision`; "base" is an empty database. Roles stay: others may use them."""
    async with _only_run(owner_url) as engine:
        await _alembic(engine, "downgrade", revision)


@asynccontextmanager
async def _only_run(owner_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine, while this run alone holds the database's migration lock.

    Polled, not waited for: a waiting statement would hold a snapshot and block others.
    """
    engine = _engine(owner_url)
    try:
        async with engine.connect() as connection:
            holder = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await _take_lock(holder)
            yield engine
    finally:
        await engine.dispose()


async def _take_lock(holder: AsyncConnection) -> None:
    for _ in range(_LOCK_TRIES):
        if await holder.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK})")):
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise OperationError("another migration of this database still runs after five minutes")


def _engine(owner_url: str) -> AsyncEngine:
    parts = urlsplit(owner_url)
    return create_async_engine(
        urlunsplit(("postgresql+asyncpg", parts.netloc, parts.path, "", "")),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            "server_settings": {"application_name": "tillstream-migrate"},
            **tls_arguments(owner_url),
        },
    )


async def _alembic(engine: AsyncEngine, direction: str, revision: str) -> None:
    def run(connection: Connection) -> None:
        getattr(command, direction)(_config(connection=connection), revision)

    async with engine.connect() as connection:
        await connection.run_sync(run)


def _config(**attributes: Connection) -> Config:
    config = Config(attributes=attributes)
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    return config
