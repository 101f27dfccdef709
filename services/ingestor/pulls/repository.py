"""All SQL about pulls but the leases. Callers hold the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, ScalarSelect, Table, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.tables import store
from services.ingestor.facts import Entity
from services.ingestor.kinds.tables import TABLES
from services.ingestor.pulls.leases import Claim
from services.ingestor.pulls.state import (
    ENTITIES,
    Checkpoint,
    EntityProgress,
    EntityState,
    PullError,
    PullScope,
    PullState,
    Trouble,
)
from services.ingestor.shopify.windows import Window

_UNSEEN_AT_ONCE = 2_000

_ABANDONED = text("""
SELECT DISTINCT slice->>'operation_id'
FROM store.pulls
JOIN store.pull_entities ON pull_entities.tenant_id = pulls.tenant_id
    AND pull_entities.pull_id = pulls.id
CROSS JOIN jsonb_array_elements(checkpoint->'slices') AS slice
WHERE pulls.tenant_id = :tenant_id AND pulls.id <> :pull_id AND pulls.state = 'failed'
    AND finished_at > now() - interval '10 days'
    AND slice->>'operation_id' IS NOT NULL AND slice->>'snapshot_at' IS NULL
""")
_COMPARED_AGAIN_AFTER = timedelta(hours=1)
_TABLE_OF = {
    "customers": store.customers,
    "orders": store.orders,
    "products": store.products,
    **TABLES,
}


async def read_abandoned(tx: Transaction, claim: Claim) -> Sequence[str]:
    """Operations that other pulls of the tenant began at Shopify, and whose files they never had.

    Shopify lets a query run for ten days.
    """
    given = {"tenant_id": claim.tenant_id, "pull_id": claim.pull_id}
    return (await tx.scalars(_ABANDONED, given)).all()


async def widen(tx: Transaction, claim: Claim) -> None:
    """Let the pull read all, though it was begun for less."""
    await tx.execute(_pull(claim).values(scope="all"))


class PullPlan(NamedTuple):
    """What a pull is to read, and how far it came before.

    `window` bounds a range. The watermarks, by entity, are those of the pulls before it. A
    `troubled` pull was put off, and no fact has arrived since.
    """

    kind: str
    scope: PullScope
    window: Window
    entities: list[EntityProgress]
    watermarks: Mapping[Entity, datetime]
    troubled: bool


async def begin(tx: Transaction, claim: Claim) -> PullPlan:
    """Mark the pull as running, keeping its first start, and read what it is about."""
    now = utc_now()
    pulls, marks = store.pulls.c, store.watermarks
    started_at = func.coalesce(pulls.started_at, now)
    beginning = _pull(claim).values(state="running", started_at=started_at, heartbeat_at=now)
    returned = beginning.returning(pulls.kind, pulls.scope, pulls.since, pulls.before)
    pull = (await tx.execute(returned)).one()
    read = select(marks.c.entity, marks.c.updated_at).where(marks.c.tenant_id == claim.tenant_id)
    watermarks = {row.entity: row.updated_at for row in await tx.execute(read)}
    return PullPlan(
        pull.kind,
        pull.scope,
        Window(pull.since, pull.before),
        await read_entities(tx, claim),
        watermarks,
        troubled=await read_trouble(tx, claim) is not None,
    )


async def read_entities(tx: Transaction, claim: Claim) -> list[EntityProgress]:
    entities = store.pull_entities
    rows = await tx.execute(
        select(entities.c.entity, entities.c.state, entities.c.checkpoint).where(
            entities.c.tenant_id == claim.tenant_id, entities.c.pull_id == claim.pull_id
        )
    )
    return [
        EntityProgress(row.entity, row.state, msgspec.convert(row.checkpoint, Checkpoint))
        for row in rows
    ]


async def save_progress(
    tx: Transaction,
    claim: Claim,
    entity: Entity,
    state: EntityState,
    checkpoint: Checkpoint,
    *,
    expected: int | None = None,
    forward: bool,
) -> None:
    """`done` follows the checkpoint, but stays with what failed. `expected` stays when None.

    A step `forward` ends whatever trouble there was: facts arrived, or all of them are in.
    """
    table = store.pull_entities
    await tx.execute(
        update(table)
        .where(
            table.c.tenant_id == claim.tenant_id,
            table.c.pull_id == claim.pull_id,
            table.c.entity == entity,
        )
        .values(
            state=state,
            done=table.c.done if state == "failed" else checkpoint.applied,
            expected=table.c.expected if expected is None else expected,
            checkpoint=checkpoint.to_json(),
            updated_at=utc_now(),
        )
    )
    values: dict[str, Any] = {"heartbeat_at": utc_now(), "records_processed": _sales_done(claim)}
    if forward:
        values["errors"] = []
    await tx.execute(_pull(claim).values(values))


def _sales_done(claim: Claim) -> ScalarSelect[int]:
    entities = store.pull_entities.c
    return (
        select(func.coalesce(func.sum(entities.done), 0))
        .where(
            entities.tenant_id == claim.tenant_id,
            entities.pull_id == claim.pull_id,
            entities.entity.in_(ENTITIES),
        )
        .scalar_subquery()
    )


async def finish(
    tx: Transaction, claim: Claim, state: PullState, errors: Sequence[PullError]
) -> None:
    now = utc_now()
    await tx.execute(
        _pull(claim).values(
            state=state,
            finished_at=now,
            heartbeat_at=now,
            errors=[msgspec.to_builtins(error) for error in errors],
        )
    )


async def read_trouble(tx: Transaction, claim: Claim) -> Trouble | None:
    pulls = store.pulls
    errors = await tx.scalar(
        select(pulls.c.errors).where(
            pulls.c.tenant_id == claim.tenant_id, pulls.c.id == claim.pull_id
        )
    )
    known = [error for error in errors or [] if "since" in error]
    return msgspec.convert(known[0], Trouble) if known else None


async def save_trouble(tx: Transaction, claim: Claim, trouble: Trouble) -> None:
    await tx.execute(_pull(claim).values(errors=[msgspec.to_builtins(trouble)]))


async def raise_watermark(
    tx: Transaction, tenant_id: UUID, entity: Entity, moment: datetime
) -> None:
    """Everything that changed up to `moment`, by Shopify's clock, has been read."""
    statement = insert(store.watermarks).values(
        tenant_id=tenant_id, entity=entity, updated_at=moment
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "entity"],
            set_={
                "updated_at": func.greatest(
                    store.watermarks.c.updated_at, statement.excluded.updated_at
                )
            },
        )
    )


class Proof(NamedTuple):
    """One comparison: records of an entity that we and Shopify had at `checked_at`.

    `drift` is how many we had too much before the repair, `repaired` how many of those are right.
    """

    entity: Entity
    ours: int
    shopify: int
    drift: int
    repaired: int
    checked_at: datetime


async def save_proof(tx: Transaction, claim: Claim, proof: Proof) -> None:
    """One row an entity and day; the last comparison of a day stays, with the day's repairs."""
    table = store.reconciliations
    values = {"pull_id": claim.pull_id, **proof._asdict()}
    statement = insert(table).values(
        tenant_id=claim.tenant_id, day=proof.checked_at.date(), **values
    )
    new = statement.excluded
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "entity", "day"],
            set_={
                **{name: new[name] for name in values if name != "entity"},
                "repaired": table.c.repaired + new.repaired,
            },
        )
    )


async def is_proof_equal(
    tx: Transaction, tenant_id: UUID, entity: Entity, at: datetime
) -> bool | None:
    """Whether the numbers were equal when the entity was compared on that day, in UTC.

    None when it is to be compared: for the first time, or after an hour in which they differed.
    """
    table = store.reconciliations.c
    equal = table.ours == table.shopify
    query = select(equal).where(
        table.tenant_id == tenant_id,
        table.entity == entity,
        table.day == at.date(),
        or_(equal, table.checked_at > at - _COMPARED_AGAIN_AFTER),
    )
    return await tx.scalar(query)


async def count_records(tx: Transaction, tenant_id: UUID, entity: Entity, window: Window) -> int:
    """How many of the window we have that are not deleted; test orders count."""
    table = _TABLE_OF[entity]
    query = select(func.count()).select_from(table).where(*_alive(table, tenant_id, window))
    return int(await tx.scalar(query) or 0)


async def read_unseen(
    tx: Transaction, tenant_id: UUID, entity: Entity, window: Window, snapshot_at: datetime
) -> Sequence[int]:
    """Ids of the window that no pull has seen at `snapshot_at` or later."""
    table = _TABLE_OF[entity]
    unseen = or_(table.c.pulled_at.is_(None), table.c.pulled_at < snapshot_at)
    query = select(table.c.id).where(*_alive(table, tenant_id, window), unseen)
    return (await tx.scalars(query.order_by(table.c.id).limit(_UNSEEN_AT_ONCE))).all()


async def read_known(
    tx: Transaction, tenant_id: UUID, entity: Entity, ids: Sequence[int]
) -> set[int]:
    """Those of `ids` that we have, deleted or not."""
    table = _TABLE_OF[entity]
    known = select(table.c.id).where(table.c.tenant_id == tenant_id, table.c.id.in_(ids))
    return set((await tx.scalars(known)).all())


def _alive(table: Table, tenant_id: UUID, window: Window) -> list[ColumnElement[bool]]:
    conditions = [table.c.tenant_id == tenant_id, table.c.deleted_at.is_(None)]
    if window.since is not None:
        conditions.append(table.c.created_at >= window.since)
    if window.before is not None:
        conditions.append(table.c.created_at < window.before)
    return conditions


def _pull(claim: Claim) -> Any:
    pulls = store.pulls
    return update(pulls).where(pulls.c.tenant_id == claim.tenant_id, pulls.c.id == claim.pull_id)
