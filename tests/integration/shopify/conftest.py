"""A tenant whose shop is called, and engines as different processes have them."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.ids import new_id
from tests.databases import Database


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(SecretStr(database.url_for("ingestor")), "tests")
    yield engine
    await engine.dispose()


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


@pytest.fixture
async def tenant_id(owner: asyncpg.Connection) -> UUID:
    """Whose rows `owner` sees."""
    tenant_id = new_id()
    await add_tenant(owner, tenant_id)
    return tenant_id


async def add_tenant(owner: asyncpg.Connection, tenant_id: UUID) -> None:
    await owner.execute(
        "INSERT INTO tenancy.tenants (id, connected_at) VALUES ($1, now())", tenant_id
    )
    await owner.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{tenant_id}}}")
