"""Lets the doctor see rows of all tenants."""

import asyncpg

_SEE = """
    SELECT set_config('app.tenant_ids', coalesce(array_agg(id), '{}')::text, true)
    FROM tenancy.tenants"""


async def see_all_tenants(connection: asyncpg.Connection) -> None:
    """For the rest of the transaction: row-level security binds the owner too."""
    await connection.execute(_SEE)
