"""Which pulls shall run: written when a tenant connects or leaves, when a person asks for one,
and when the schedule says so. Safe to repeat.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, null, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import IntegrityError

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.errors import PullRunningError, ReconnectRequiredError, TenantNotFoundError
from libs.common.ids import new_id
from libs.common.tables import store
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls.leases import Claim
from services.ingestor.pulls.state import ENTITIES, PullError, PullScope
from services.ingestor.shopify.windows import Window

SUPERSEDED = PullError(None, "PULL_SUPERSEDED", "The shop was connected again; a new pull runs.")
DISCONNECTED = PullError(None, "TENANT_DISCONNECTED", "The shop was disconnected.")
RECONNECT = PullError(None, ReconnectRequiredError.code, "The shop must be connected again.")
SWEEP_EVERY = timedelta(days=7)
"""How often all is read again: only that finds what was deleted and created in equal numbers."""

_UNFINISHED = ("queued", "running")


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
        pulls.c.tenant_id == tenant_id,
        pulls.c.kind == "backfill",
        pulls.c.requested_at > requested_at,
    )
    if await tx.scalar(later.limit(1)) is not None:
        return False
    pull = {"id": pull_id, "kind": "backfill", "requested_at": requested_at}
    insertion = _insert_pull(tenant_id, pull).on_conflict_do_nothing().returning(pulls.c.id)
    try:
        inserted = await tx.scalar(insertion)
    except IntegrityError as error:
        raise TenantNotFoundError("there is no such tenant any more") from error
    if inserted is None:
        return False
    await _end_unfinished(tx, tenant_id, SUPERSEDED, other_than=pull_id)
    await tx.execute(insert(store.pull_entities), _waiting(tenant_id, pull_id, "all"))
    await _schedule(tx, tenant_id, pull_id)
    return True


async def queue_pull(tx: Transaction, tenant_id: UUID, window: Window) -> UUID:
    """Make a pull of all that was created in `window` due now; for a person who asks for it.

    Raises PullRunningError while another pull is not finished, TenantNotFoundError when the
    tenant never was connected.
    """
    if not await _lock_schedule(tx, tenant_id):
        raise TenantNotFoundError("There is nothing to pull: the shop was never connected.")
    pulls = store.pulls
    unfinished = select(pulls.c.id).where(
        pulls.c.tenant_id == tenant_id, pulls.c.state.in_(_UNFINISHED)
    )
    if await tx.scalar(unfinished.limit(1)) is not None:
        raise PullRunningError("A pull of this shop is not finished yet; wait for its end.")
    scope: PullScope = "all" if window == Window() else "range"
    pull_id = await _add_reconciliation(tx, tenant_id, scope, window)
    await _schedule(tx, tenant_id, pull_id)
    return pull_id


async def next_pull(tx: Transaction, claim: Claim) -> Claim:
    """The claim of the pull to work on: the current one, or the next when that is finished.

    The schedule's own pulls read what changed; all once a week, and until all was read once.
    """
    await _lock_schedule(tx, claim.tenant_id)
    pulls = store.pulls
    current = select(pulls.c.state).where(
        pulls.c.tenant_id == claim.tenant_id, pulls.c.id == claim.pull_id
    )
    if await tx.scalar(current) in _UNFINISHED:
        return claim
    scope: PullScope = "all" if await _is_sweep_due(tx, claim.tenant_id) else "changes"
    pull_id = await _add_reconciliation(tx, claim.tenant_id, scope, Window())
    schedule = store.schedule
    mine = update(schedule).where(
        schedule.c.tenant_id == claim.tenant_id, schedule.c.lease_owner == claim.owner
    )
    await tx.execute(mine.values(pull_id=pull_id))
    return claim._replace(pull_id=pull_id)


async def stop_pulls(tx: Transaction, tenant_id: UUID, as_of: datetime, why: PullError) -> None:
    """End what was requested up to `as_of`; a pull of a later connection goes on."""
    await _lock_schedule(tx, tenant_id)
    await _end_unfinished(tx, tenant_id, why, requested_until=as_of)
    schedule, pulls = store.schedule, store.pulls
    of_old = select(pulls.c.id).where(pulls.c.tenant_id == tenant_id, pulls.c.requested_at <= as_of)
    await tx.execute(
        update(schedule)
        .where(schedule.c.tenant_id == tenant_id, schedule.c.pull_id.in_(of_old))
        .values(due_at=null(), lease_owner=null(), lease_until=null())
    )


async def _lock_schedule(tx: Transaction, tenant_id: UUID) -> bool:
    # A worker locks this row before that of its pull. In the same order nobody can deadlock.
    schedule = store.schedule
    mine = select(schedule.c.tenant_id).where(schedule.c.tenant_id == tenant_id)
    return await tx.scalar(mine.with_for_update()) is not None


async def _is_sweep_due(tx: Transaction, tenant_id: UUID) -> bool:
    pulls, marks = store.pulls, store.watermarks
    read = (
        select(func.count())
        .select_from(marks)
        .where(marks.c.tenant_id == tenant_id, marks.c.entity.in_(ENTITIES))
    )
    if await tx.scalar(read) != len(ENTITIES):
        return True
    newest = select(func.max(pulls.c.requested_at)).where(
        pulls.c.tenant_id == tenant_id, pulls.c.scope == "all", pulls.c.state == "succeeded"
    )
    swept_at = await tx.scalar(newest)
    return swept_at is None or utc_now() - swept_at > SWEEP_EVERY


async def _add_reconciliation(
    tx: Transaction, tenant_id: UUID, scope: PullScope, window: Window
) -> UUID:
    pull_id = new_id()
    pull = {
        "id": pull_id,
        "kind": "reconciliation",
        "scope": scope,
        "since": window.since,
        "before": window.before,
        "requested_at": utc_now(),
    }
    await tx.execute(_insert_pull(tenant_id, pull))
    await tx.execute(insert(store.pull_entities), _waiting(tenant_id, pull_id, scope))
    return pull_id


def _insert_pull(tenant_id: UUID, pull: dict[str, Any]) -> Insert:
    return insert(store.pulls).values(tenant_id=tenant_id, state="queued", **pull)


async def _end_unfinished(
    tx: Transaction,
    tenant_id: UUID,
    reason: PullError,
    *,
    other_than: UUID | None = None,
    requested_until: datetime | None = None,
) -> None:
    pulls = store.pulls
    statement = update(pulls).where(pulls.c.tenant_id == tenant_id, pulls.c.state.in_(_UNFINISHED))
    if other_than is not None:
        statement = statement.where(pulls.c.id != other_than)
    if requested_until is not None:
        statement = statement.where(pulls.c.requested_at <= requested_until)
    ending = statement.values(
        state="failed", finished_at=utc_now(), errors=[msgspec.to_builtins(reason)]
    )
    await tx.execute(ending)


def _waiting(tenant_id: UUID, pull_id: UUID, scope: PullScope) -> list[dict[str, Any]]:
    """A range is one of creation times, by which not every further entity can be searched."""
    names = (*ENTITIES, *(KINDS if scope != "range" else ()))
    return [
        {"tenant_id": tenant_id, "pull_id": pull_id, "entity": entity, "state": "waiting"}
        for entity in names
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
