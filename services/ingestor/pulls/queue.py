"""Which pulls shall run: written when a tenant connects or leaves, safe to repeat."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.errors import TenantNotFoundError
from libs.common.tables import store
from services.ingestor.pulls.state import ENTITIES, PullError

SUPERSEDED = PullError(None, "PULL_SUPERSEDED", "The shop was connected again; a new pull runs.")
DISCONNECTED = PullError(None, "TENANT_DISCONNECTED", "The shop was disconnected.")


async def queue_backfill(
    tx: Transaction, tenant_id: UUID, pull_id: UUID, requested_at: datetime
) -> bool:
    """Make a backfill due now, in place of an older one that is not finished.

    False, and nothing changes, when this pull is known or a later one was requested. Raises
    TenantNotFoundError.
    """
    await _lock_schedule(tx, tenant_id)
    pulls = store.pulls
    later = select(pulls.c.id).where(
        pulls.c.tenant_id == tenant_id, pulls.c.requested_at > requested_at
    )
    if await tx.scalar(later.limit(1)) is not None:
        return False
    pull = {
        "tenant_id": tenant_id,
        "id": pull_id,
        "kind": "backfill",
        "state": "queued",
        "requested_at": requested_at,
    }
    insertion = insert(pulls).values(**pull).on_conflict_do_nothing().returning(pulls.c.id)
    try:
        inserted = await tx.scalar(insertion)
    except IntegrityError as error:
        raise TenantNotFoundError("there is no such tenant any more") from error
    if inserted is None:
        return False
    await _end_unfinished(tx, tenant_id, SUPERSEDED, other_than=pull_id)
    await tx.execute(insert(store.pull_entities), _waiting(tenant_id, pull_id))
    await _schedule(tx, tenant_id, pull_id)
    return True


async def stop_pulls(tx: Transaction, tenant_id: UUID, as_of: datetime) -> None:
    """End what was requested up to `as_of`; a pull of a later connection goes on."""
    await _lock_schedule(tx, tenant_id)
    ended = await _end_unfinished(tx, tenant_id, DISCONNECTED, requested_until=as_of)
    schedule = store.schedule
    await tx.execute(
        update(schedule)
        .where(schedule.c.tenant_id == tenant_id, schedule.c.pull_id.in_(ended))
        .values(due_at=null(), lease_owner=null(), lease_until=null())
    )


async def _lock_schedule(tx: Transaction, tenant_id: UUID) -> None:
    # A worker locks this row before that of its pull. In the same order nobody can deadlock.
    schedule = store.schedule
    await tx.execute(
        select(schedule.c.tenant_id).where(schedule.c.tenant_id == tenant_id).with_for_update()
    )


async def _end_unfinished(
    tx: Transaction,
    tenant_id: UUID,
    reason: PullError,
    *,
    other_than: UUID | None = None,
    requested_until: datetime | None = None,
) -> Sequence[UUID]:
    pulls = store.pulls
    statement = update(pulls).where(
        pulls.c.tenant_id == tenant_id, pulls.c.state.in_(("queued", "running"))
    )
    if other_than is not None:
        statement = statement.where(pulls.c.id != other_than)
    if requested_until is not None:
        statement = statement.where(pulls.c.requested_at <= requested_until)
    ending = statement.values(
        state="failed", finished_at=utc_now(), errors=[msgspec.to_builtins(reason)]
    )
    return (await tx.scalars(ending.returning(pulls.c.id))).all()


def _waiting(tenant_id: UUID, pull_id: UUID) -> list[dict[str, Any]]:
    return [
        {"tenant_id": tenant_id, "pull_id": pull_id, "entity": entity, "state": "waiting"}
        for entity in ENTITIES
    ]


async def _schedule(tx: Transaction, tenant_id: UUID, pull_id: UUID) -> None:
    # Whoever works on an older pull loses the lease with this, and stops.
    now = {
        "due_at": utc_now(),
        "pull_id": pull_id,
        "lease_owner": null(),
        "lease_until": null(),
    }
    statement = insert(store.schedule).values(tenant_id=tenant_id, **now)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=now))
