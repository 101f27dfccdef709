"""Letters set aside before are found afterwards, and work that waits is not migrated away."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.ops.migrate import migrate, migrate_down
from tests.factories import connected_tenant
from tests.integration.test_migrations import PASSWORDS

BEFORE = "0034"
_LETTER = """
INSERT INTO store.dead_letters (tenant_id, id, consumer, kind, reason, attempts, record)
VALUES ($1, gen_random_uuid(), 'deliveries.store', 'message', 'test', 1, '')
"""
_ANSWERED = """
UPDATE store.privacy_requests SET done_at = now(), asked = NULL WHERE tenant_id = $1
"""
_REQUEST = """
INSERT INTO store.privacy_requests (tenant_id, id, topic, customer_id, requested_at, counts, asked)
VALUES ($1, gen_random_uuid(), 'customers/data_request', 7, now(), '{}', '{}')
"""


async def _execute(url: str, statement: str, tenant_id: UUID) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute(f"SET app.tenant_ids = '{{{tenant_id}}}'")
    await owner.execute(statement, tenant_id)
    await owner.close()


async def test_tenants_with_letters_of_before_are_known(empty_database):
    await migrate(empty_database.url, PASSWORDS)
    await migrate_down(empty_database.url, BEFORE)
    tenants = {uuid4(), UUID(int=0)}
    for tenant_id in tenants:
        for _ in range(2):
            await _execute(empty_database.url, _LETTER, tenant_id)
    await migrate(empty_database.url, PASSWORDS)

    owner = await asyncpg.connect(empty_database.url)
    known = await owner.fetch("SELECT tenant_id FROM store.dead_letter_tenants")
    forced = await owner.fetchval(
        "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'store.dead_letters'::regclass"
    )
    await owner.close()
    assert ({row["tenant_id"] for row in known}, forced) == (tenants, True)


async def test_an_open_request_keeps_the_version_before_away(empty_database):
    await migrate(empty_database.url, PASSWORDS)
    owner = await asyncpg.connect(empty_database.url)
    try:
        tenant_id = await connected_tenant(owner)
        await _execute(empty_database.url, _REQUEST, tenant_id)
        with pytest.raises(asyncpg.RaiseError, match="let the ingestor finish"):
            await migrate_down(empty_database.url, BEFORE)

        await _execute(empty_database.url, _ANSWERED, tenant_id)
        await migrate_down(empty_database.url, BEFORE)
    finally:
        await owner.close()
