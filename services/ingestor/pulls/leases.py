"""Who pulls which tenant. One worker at a time; a worker that vanished is followed by another.

Every claim has an owner of its own, so that a worker that lost its lease cannot write any more,
not even when the same process claimed the tenant again.
"""

import asyncio
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import TransientError
from libs.common.logs import get_logger

LEASE = timedelta(seconds=10)
"""So long a killed worker's pulls stand still. One that is lost too early costs little: files are
read anew, nothing is applied twice."""

_RENEW_SECONDS = 3
_LOST = "the lease of this pull is lost"

log = get_logger()

_CLAIM = text("""
UPDATE store.schedule AS mine
SET lease_owner = gen_random_uuid(), lease_until = clock_timestamp() + :lease
FROM (
    SELECT tenant_id FROM store.schedule
    WHERE due_at <= now()
      AND (lease_until IS NULL OR lease_until < now())
    ORDER BY due_at
    LIMIT :at_most
    FOR UPDATE SKIP LOCKED
) AS due
WHERE mine.tenant_id = due.tenant_id
RETURNING mine.tenant_id, mine.pull_id, mine.lease_owner
""")

# By the clock and not from the transaction's start: one that had to wait for the row is older.
_RENEW = text("""
UPDATE store.schedule SET lease_until = clock_timestamp() + :lease
WHERE tenant_id = :tenant_id AND pull_id = :pull_id AND lease_owner = :owner
""")

# A row that a transaction has is left to it. Mostly that is a long write of the pull itself; nobody
# can claim the row meanwhile, and what is committed says whose it is.
_RENEW_UNLOCKED = text("""
WITH unlocked AS (
    SELECT tenant_id FROM store.schedule
    WHERE tenant_id = :tenant_id AND pull_id = :pull_id AND lease_owner = :owner
    FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE store.schedule AS mine SET lease_until = clock_timestamp() + :lease
    FROM unlocked WHERE mine.tenant_id = unlocked.tenant_id
)
SELECT 1 FROM store.schedule
WHERE tenant_id = :tenant_id AND pull_id = :pull_id AND lease_owner = :owner
""")

_RELEASE = text("""
UPDATE store.schedule
SET lease_owner = NULL, lease_until = NULL, due_at = now() + :due_in
WHERE tenant_id = :tenant_id AND pull_id = :pull_id AND lease_owner = :owner
""")

# Jitter, so that tenants that were connected together do not come due together for ever.
_RELEASE_UNTIL_NEXT = text("""
UPDATE store.schedule
SET lease_owner = NULL, lease_until = NULL,
    due_at = CASE WHEN paused_at IS NULL THEN now() + greatest(
        interval_minutes * interval '1 minute' * (0.9 + 0.2 * random()), :at_least) END
WHERE tenant_id = :tenant_id AND pull_id = :pull_id AND lease_owner = :owner
""")


class LeaseLostError(TransientError):
    """Another worker has the tenant now, or nobody shall: write nothing more."""

    code = "PULL_LEASE_LOST"


class Claim(NamedTuple):
    """`pull_id` is the tenant's current pull, or its last one when the next is to begin."""

    tenant_id: UUID
    pull_id: UUID
    owner: UUID


async def claim_due(engine: AsyncEngine, at_most: int) -> list[Claim]:
    """Take up to `at_most` tenants that are due and that nobody works on."""
    async with transaction(engine) as tx:
        rows = await tx.execute(_CLAIM, {"lease": LEASE, "at_most": at_most})
        return [Claim(*row) for row in rows]


async def hold(tx: Transaction, claim: Claim) -> None:
    """Make sure that this transaction commits only while the lease is ours; LeaseLostError."""
    if not await prolong(tx, claim):
        raise LeaseLostError(_LOST)


async def prolong(tx: Transaction, claim: Claim) -> bool:
    """Have the lease last from now on. False when it is not ours."""
    return (await tx.execute(_RENEW, {"lease": LEASE, **claim._asdict()})).rowcount == 1


async def renew(engine: AsyncEngine, claim: Claim) -> None:
    """Prolong the lease, without a wait for a write that holds it. Raises LeaseLostError."""
    async with transaction(engine) as tx:
        given = {"lease": LEASE, **claim._asdict()}
        if (await tx.execute(_RENEW_UNLOCKED, given)).one_or_none() is None:
            raise LeaseLostError(_LOST)


async def keep(engine: AsyncEngine, claim: Claim) -> None:
    """Renew the lease until cancelled. Raises LeaseLostError.

    Also when PostgreSQL was away for as long as a lease lasts: by then it is another's.
    """
    clock = asyncio.get_running_loop().time
    held_until = clock() + LEASE.total_seconds()
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        try:
            await renew(engine, claim)
            held_until = clock() + LEASE.total_seconds()
        except LeaseLostError:
            raise
        except TransientError as error:
            if clock() > held_until:
                raise LeaseLostError("the lease could not be renewed") from error
            log.warning("lease_not_renewed", code=error.code)


async def release(
    tx: Transaction, claim: Claim, *, due_in: timedelta | None = timedelta(0)
) -> None:
    """Give the tenant back, due again after `due_in`; never when that is None.

    Nothing happens when the lease is no longer ours.
    """
    await tx.execute(_RELEASE, {"due_in": due_in, **claim._asdict()})


async def release_until_next(
    tx: Transaction, claim: Claim, *, at_least: timedelta = timedelta(0)
) -> None:
    """Give the tenant back until its next scheduled pull; for good while it is paused."""
    await tx.execute(_RELEASE_UNTIL_NEXT, {"at_least": at_least, **claim._asdict()})
