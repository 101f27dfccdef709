"""The lock and the data version of each tenant.

One writer of facts at a time per tenant: whoever applies a batch first locks the `versions` row
of each of its tenants, in the order of their ids. Every later statement of the transaction then
sees all that earlier writers committed, so the images it reads are the ones it replaces, rollups
cannot race, and two batches cannot wait for each other in a circle.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.errors import TransientError
from services.ingestor.store.statements import run


class ShopFactsMissingError(TransientError):
    """A fact came before the shop's zone and currency are known: later it can be applied."""


_ADD = """INSERT INTO store.versions (tenant_id)
    SELECT tenant_id FROM store.shops WHERE tenant_id = ANY ($1::uuid[]) ORDER BY tenant_id
    ON CONFLICT (tenant_id) DO NOTHING"""

_LOCK = """SELECT tenant_id FROM store.versions WHERE tenant_id = ANY ($1::uuid[])
    ORDER BY tenant_id FOR UPDATE"""

_RAISE = """UPDATE store.versions SET version = version + 1, changed_at = clock_timestamp()
    WHERE tenant_id = ANY ($1::uuid[]) RETURNING tenant_id, version"""


async def lock_tenants(tx: Transaction, tenants: Collection[UUID]) -> None:
    """Raises ShopFactsMissingError when one of `tenants` has no shop facts yet."""
    if missing := set(tenants) - await lock_known_tenants(tx, tenants):
        raise ShopFactsMissingError(
            "the shop facts of a tenant are not there yet", tenants=sorted(map(str, missing))
        )


async def lock_known_tenants(tx: Transaction, tenants: Collection[UUID]) -> set[UUID]:
    """Those of `tenants` whose shop facts are there: they alone have a lock, and facts to lock."""
    wanted = list(tenants)
    await tx.exec_driver_sql(_ADD, (wanted,))
    return {row.tenant_id for row in await run(tx, _LOCK, wanted)}


async def raise_versions(tx: Transaction, tenants: Collection[UUID]) -> Mapping[UUID, int]:
    """Tenant to its new data version."""
    if not tenants:
        return {}
    rows = await run(tx, _RAISE, list(tenants))
    return {row.tenant_id: row.version for row in rows}
