"""SQL over `store.tasks`: who works on which row, and for how long."""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.common.errors import TransientError

LEASE = timedelta(seconds=10)
"""So long a killed worker's row stands still."""


_ADD = text("""
INSERT INTO store.tasks (tenant_id, kind, id) VALUES (:tenant_id, :kind, :id)
ON CONFLICT (tenant_id, kind, id) DO NOTHING
""")

_CLAIM = text("""
UPDATE store.tasks AS mine
SET lease_owner = gen_random_uuid(), lease_until = clock_timestamp() + :lease
FROM (
    SELECT tenant_id, kind, id FROM store.tasks
    WHERE kind = ANY (:kinds) AND due_at <= now()
      AND (lease_until IS NULL OR lease_until < now())
    ORDER BY due_at LIMIT :at_most FOR UPDATE SKIP LOCKED
) AS due
WHERE (mine.tenant_id, mine.kind, mine.id) = (due.tenant_id, due.kind, due.id)
RETURNING mine.tenant_id, mine.kind, mine.id, mine.lease_owner AS owner
""")

_MINE = "WHERE tenant_id = :tenant_id AND kind = :kind AND id = :id AND lease_owner = :owner"

# By the clock and not from the transaction's start: one that had to wait for the row is older.
_HOLD = text(f"UPDATE store.tasks SET lease_until = clock_timestamp() + :lease {_MINE}")  # noqa: S608

_GIVE_BACK = text(f"UPDATE store.tasks SET lease_owner = NULL, lease_until = NULL {_MINE}")  # noqa: S608

_POSTPONE = text(f"""
UPDATE store.tasks SET lease_owner = NULL, lease_until = NULL, failures = failures + 1,
    error = :error, due_at = clock_timestamp()
        + greatest(CAST(:at_least AS interval),
            least(interval '2 seconds' * 2 ^ least(failures, 10), interval '5 minutes'))
{_MINE}
""")  # noqa: S608

_REPEAT = text(f"""
UPDATE store.tasks SET lease_owner = NULL, lease_until = NULL, failures = 0, error = NULL,
    due_at = clock_timestamp() + CAST(:pause AS interval)
{_MINE}
""")  # noqa: S608

_FINISH = text(f"DELETE FROM store.tasks {_MINE}")  # noqa: S608

# Spread over the time between two audits: each tenant has its own hour.
_ADD_AUDITS = text("""
INSERT INTO store.tasks (tenant_id, kind, id, due_at)
SELECT tenant_id, 'audit', tenant_id, now() + random() * CAST(:within AS interval)
FROM store.schedule ORDER BY tenant_id
ON CONFLICT (tenant_id, kind, id) DO NOTHING
""")

_MAKE_DUE = text("""
UPDATE store.tasks SET due_at = now()
WHERE tenant_id = :tenant_id AND kind = :kind AND id = :id AND lease_owner IS NULL
""")

_DROP_OTHERS = text("DELETE FROM store.tasks WHERE tenant_id = :tenant_id AND kind <> :kind")


class TaskKind(StrEnum):
    ERASURE = "erasure"
    DATA_REQUEST = "data_request"
    REDACTION = "redaction"
    AUDIT = "audit"
    RECOMPUTE = "recompute"


class TaskLostError(TransientError):
    """Another worker has the task now: write nothing more."""

    code = "TASK_LOST"


class Task(NamedTuple):
    """A claim. Every claim has an owner of its own, also two by the same process."""

    tenant_id: UUID
    kind: TaskKind
    id: UUID
    owner: UUID


async def add_task(tx: Transaction, tenant_id: UUID, kind: TaskKind, task_id: UUID) -> None:
    """Have it worked on. One that is there already stays as it is."""
    await tx.execute(_ADD, {"tenant_id": tenant_id, "kind": kind.value, "id": task_id})


async def claim_tasks(tx: Transaction, kinds: Collection[TaskKind], at_most: int) -> list[Task]:
    """Take up to `at_most` rows that are due and that nobody works on, the longest due first."""
    given = {"kinds": [kind.value for kind in kinds], "at_most": at_most, "lease": LEASE}
    rows = await tx.execute(_CLAIM, given)
    return [Task(row.tenant_id, TaskKind(row.kind), row.id, row.owner) for row in rows]


async def hold_task(tx: Transaction, task: Task) -> None:
    """Have this transaction commit only while the task is ours, and prolong the lease.

    Raises TaskLostError.
    """
    if (await tx.execute(_HOLD, {"lease": LEASE, **task._asdict()})).rowcount != 1:
        raise TaskLostError("the lease of this task is lost")


async def release_task(tx: Transaction, task: Task) -> None:
    """Nothing happens where the lease is no longer ours; so with all below."""
    await tx.execute(_GIVE_BACK, task._asdict())


async def postpone_task(
    tx: Transaction, task: Task, error: str, *, at_least: timedelta = timedelta(0)
) -> None:
    """Later again, after a pause that grows to five minutes, or `at_least`. `error` is a code."""
    await tx.execute(_POSTPONE, {"error": error, "at_least": at_least, **task._asdict()})


async def reschedule_task(tx: Transaction, task: Task, pause: timedelta) -> None:
    """It is done for now, and due again after `pause`."""
    await tx.execute(_REPEAT, {"pause": pause, **task._asdict()})


async def finish_task(tx: Transaction, task: Task) -> None:
    await tx.execute(_FINISH, task._asdict())


async def add_audits(tx: Transaction, within: timedelta) -> None:
    """Have every tenant of the schedule that has none yet audited, at some moment `within`."""
    await tx.execute(_ADD_AUDITS, {"within": within})


async def make_due(tx: Transaction, tenant_id: UUID, kind: TaskKind, task_id: UUID) -> None:
    """Unless somebody works on it, or there is none."""
    await tx.execute(_MAKE_DUE, {"tenant_id": tenant_id, "kind": kind.value, "id": task_id})


async def drop_other_tasks(tx: Transaction, tenant_id: UUID, kept: TaskKind) -> None:
    """For a tenant that goes: only what is `kept` has still something to do."""
    await tx.execute(_DROP_OTHERS, {"tenant_id": tenant_id, "kind": kept.value})
