"""SQL over deliveries that wait to be tried again.

A tenant's turn is a row without anything personal, so that it can be found before the tenant is
known.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import delete, func, insert, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.messaging.fates import Pause, SetAside
from libs.common.messaging.records import DeliveryRecord, decode_records, encode_records
from libs.common.tables.store import retries, retry_turns

_RETRIES = UUID("5b0f6f43-8d54-4d0e-9a51-6c0d5ea3a1f7")

_CLAIM = text("""
UPDATE store.retry_turns AS mine SET due_at = now() + :lease
FROM (
    SELECT tenant_id FROM store.retry_turns WHERE due_at <= now()
    ORDER BY due_at LIMIT :at_most FOR UPDATE SKIP LOCKED
) AS due
WHERE mine.tenant_id = due.tenant_id
RETURNING mine.tenant_id
""")


_NOTE_PAUSE = text("""
INSERT INTO store.consumer_pauses AS held (consumer, dead, records, tenants, reason)
VALUES (:consumer, :dead, :records, :tenants, :reason)
ON CONFLICT (tenant_id, consumer) DO UPDATE SET
    since = CASE WHEN held.seen_at < now() - interval '1 minute' THEN now() ELSE held.since END,
    seen_at = now(), dead = excluded.dead, records = excluded.records,
    tenants = excluded.tenants, reason = excluded.reason
""")


class Retry(NamedTuple):
    tenant_id: UUID
    id: UUID
    attempt: int
    record: DeliveryRecord


async def add(tx: Transaction, items: Sequence[SetAside[DeliveryRecord]], seconds: float) -> None:
    """Due in so many `seconds`. A record that waits already for the same try changes nothing."""
    due_at = utc_now() + timedelta(seconds=seconds)
    rows = [
        {
            "tenant_id": item.value.tenant_id,
            "id": uuid5(_RETRIES, f"{item.value.type} {item.value.id} {item.attempt}"),
            "attempt": item.attempt,
            "due_at": due_at,
            "record": encode_records([item.value]),
        }
        for item in items
    ]
    await tx.execute(upsert(retries).on_conflict_do_nothing(), rows)
    turns = upsert(retry_turns)
    turns = turns.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={"due_at": func.least(retry_turns.c.due_at, turns.excluded.due_at)},
    )
    tenants = sorted({item.value.tenant_id for item in items})
    await tx.execute(turns, [{"tenant_id": one, "due_at": due_at} for one in tenants])


async def claim(tx: Transaction, *, lease: timedelta, at_most: int) -> list[UUID]:
    """Tenants with a retry that is due, nobody else's until `lease` has passed."""
    return list(await tx.scalars(_CLAIM, {"lease": lease, "at_most": at_most}))


async def read_due(tx: Transaction, tenants: Collection[UUID], at_most: int) -> list[Retry]:
    """`tx` was opened for all of `tenants`."""
    columns = retries.c
    query = (
        select(columns.tenant_id, columns.id, columns.attempt, columns.record)
        .where(columns.tenant_id.in_(tenants), columns.due_at <= func.now())
        .order_by(columns.due_at, columns.tenant_id, columns.id)
        .limit(at_most)
    )
    return [
        Retry(row.tenant_id, row.id, row.attempt, decode_records(row.record)[0])
        for row in await tx.execute(query)
    ]


async def finish(tx: Transaction, tenants: Collection[UUID], done: Sequence[Retry]) -> None:
    """Forget what is `done`; the turn of each of `tenants` is when the next of its rows is due."""
    turns, columns = retry_turns.c, retries.c
    # Locked first: whoever adds a row now has added it before the next is looked for, or after.
    await tx.execute(
        select(turns.tenant_id)
        .where(turns.tenant_id.in_(tenants))
        .order_by(turns.tenant_id)
        .with_for_update()
    )
    keys = [(retry.tenant_id, retry.id) for retry in done]
    await tx.execute(delete(retries).where(tuple_(columns.tenant_id, columns.id).in_(keys)))
    await tx.execute(delete(retry_turns).where(turns.tenant_id.in_(tenants)))
    left = (
        select(columns.tenant_id, func.min(columns.due_at))
        .where(columns.tenant_id.in_(tenants))
        .group_by(columns.tenant_id)
    )
    await tx.execute(insert(retry_turns).from_select(["tenant_id", "due_at"], left))


async def note_pause(tx: Transaction, consumer: str, pause: Pause) -> None:
    """For the doctor, who believes it for as long as it is noted again and again."""
    await tx.execute(_NOTE_PAUSE, {"consumer": consumer, **asdict(pause)})
