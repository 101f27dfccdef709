"""Forgets one person: name and e-mail go for good, the orders stay as facts of nobody.

The customer's row is its own tombstone. While `redacted_at` is set, an upsert leaves name and
e-mail empty (see `store/entities.py`), so neither a replay nor a pull brings the person back.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, null, select, update

from libs.common.database.transaction import Transaction
from libs.common.tables.store import customers, privacy_requests
from services.ingestor.store.statements import run

# A customer nobody has seen yet is kept out of all counts until a pull sees it, whenever that was.
_REDACT = """INSERT INTO store.customers AS held
        (tenant_id, id, updated_at, observed_at, deleted_at, redacted_at)
    VALUES ($1, $2, '-infinity', '-infinity', '-infinity', $3)
    ON CONFLICT (tenant_id, id) DO UPDATE SET email = NULL, first_name = NULL, last_name = NULL,
        redacted_at = coalesce(held.redacted_at, excluded.redacted_at)
    RETURNING (coalesce(old.email, old.first_name, old.last_name) IS NOT NULL)::int AS customers"""


async def redact_person(
    tx: Transaction, tenant_id: UUID, customer_id: int, requested_at: datetime
) -> dict[str, int]:
    """What was forgotten where. The caller holds the tenant's lock. Safe to repeat."""
    [redacted] = await run(tx, _REDACT, tenant_id, customer_id, requested_at)
    files = await delete_files(tx, tenant_id, customer_id)
    return {"customers": redacted.customers, "files": files}


async def redacted_at(tx: Transaction, tenant_id: UUID, customer_id: int) -> datetime | None:
    """When it was asked that the person be forgotten; None when it was not."""
    mine = customers.c.tenant_id == tenant_id, customers.c.id == customer_id
    found: datetime | None = await tx.scalar(select(customers.c.redacted_at).where(*mine))
    return found


async def delete_files(tx: Transaction, tenant_id: UUID, customer_id: int) -> int:
    """Of data requests about the person; how many there were."""
    requests = privacy_requests
    mine = requests.c.tenant_id == tenant_id, requests.c.customer_id == customer_id
    emptied = update(requests).where(*mine, requests.c.file.is_not(None))
    return (await tx.execute(emptied.values(file=null(), expires_at=func.now()))).rowcount
