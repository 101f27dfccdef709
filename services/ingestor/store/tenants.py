"""The lock and the data version of each tenant.

One writer of facts at a time per tenant: whoever applies a batch first locks the `versions` row
of each of its tenants, in the order of their ids. Every later statement of the transaction then
sees all that earlier writers committed, so the images it reads are the ones it replaces, rollups
cannot race, and two batches cannot wait for each other in a circle.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.errors import TransientError
from services.ingestor.store.statements import run


class TenantNotReadyError(TransientError):
    """Nothing of some tenants can be applied now; `tenants` says of which."""

    def __init__(self, message: str, tenants: Collection[UUID]) -> None:
        super().__init__(message, tenants=sorted(map(str, tenants)))
        self.tenants = frozenset(tenants)


class ShopFactsMissingError(TenantNotReadyError):
    """A fact came before the shop's zone and currency are known: later it can be applied."""


class TenantRecutError(TenantNotReadyError):
    """A tenant's facts are being cut anew, which may take minutes: come back later."""


class Readiness(NamedTuple):
    """Of some tenants: those that are erased, and why others cannot be written now."""

    erased: frozenset[UUID]
    not_ready: Mapping[UUID, TenantNotReadyError]


RECUT_MARK = "hashtextextended('recut ' || {tenant}::text, 0)"
"""The advisory lock that a recut holds."""

_MARK = RECUT_MARK.format(tenant="given.tenant_id")
# The mark is had for a moment only: to the transaction's end, those of a large batch would fill a
# table that all of PostgreSQL shares.
_STATES = " ".join(
    (
        "SELECT given.tenant_id,",
        "EXISTS (SELECT FROM store.shops s WHERE s.tenant_id = given.tenant_id) AS has_facts,",
        "EXISTS (SELECT FROM store.erasures e WHERE e.tenant_id = given.tenant_id) AS is_erased,",
        f"NOT CASE WHEN pg_try_advisory_lock_shared({_MARK})",
        f"THEN pg_advisory_unlock_shared({_MARK}) ELSE false END AS is_recut",
        "FROM unnest($1::uuid[]) AS given(tenant_id)",
    )
)

_ADD = """INSERT INTO store.versions (tenant_id)
    SELECT tenant_id FROM store.shops WHERE tenant_id = ANY ($1::uuid[]) ORDER BY tenant_id
    ON CONFLICT (tenant_id) DO NOTHING"""

_LOCK = """SELECT tenant_id FROM store.versions WHERE tenant_id = ANY ($1::uuid[])
    ORDER BY tenant_id FOR UPDATE"""

_RAISE = """UPDATE store.versions SET version = version + 1, changed_at = clock_timestamp()
    WHERE tenant_id = ANY ($1::uuid[]) RETURNING tenant_id, version"""


async def readiness(tx: Transaction, tenants: Collection[UUID]) -> Readiness:
    """Who of `tenants` can be written now; `tx` was opened for all of them.

    Asked before the locks, so that what is for other tenants need not wait for one's.
    """
    rows = await run(tx, _STATES, list(tenants))
    not_ready: dict[UUID, TenantNotReadyError] = {}
    for row in rows:
        if row.is_erased:
            continue
        if row.is_recut:
            not_ready[row.tenant_id] = TenantRecutError(
                "the facts of a tenant are being cut anew", [row.tenant_id]
            )
        elif not row.has_facts:
            not_ready[row.tenant_id] = _facts_missing([row.tenant_id])
    return Readiness(frozenset(row.tenant_id for row in rows if row.is_erased), not_ready)


def _facts_missing(tenants: Collection[UUID]) -> ShopFactsMissingError:
    return ShopFactsMissingError("the shop facts of a tenant are not there yet", tenants)


async def lock_tenants(tx: Transaction, tenants: Collection[UUID]) -> None:
    """Raises ShopFactsMissingError when one of `tenants` has no shop facts yet."""
    if missing := set(tenants) - await lock_known_tenants(tx, tenants):
        raise _facts_missing(missing)


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
