"""SQL of this service outside `store/` (facts and rollups), `pulls/` and `privacy/`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    func,
    null,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from libs.common.database.transaction import Transaction
from libs.common.tables import store
from services.ingestor.deliveries.known_fields import MOST_NAMES, OTHERS

_ADD_APPLIED = """INSERT INTO store.applied_deliveries (tenant_id, day, delivery_id)
    SELECT given.tenant_id, given.day, given.delivery_id
    FROM unnest($1::uuid[], $2::date[], $3::text[]) AS given(tenant_id, day, delivery_id)
    ORDER BY given.tenant_id, given.day, given.delivery_id
    ON CONFLICT (tenant_id, day, delivery_id) DO NOTHING
    RETURNING tenant_id, day, delivery_id"""

AppliedKey = tuple[UUID, date, str]


async def add_applied(tx: Transaction, keys: Iterable[AppliedKey]) -> set[AppliedKey]:
    """Which of `keys` had not been applied before. Waits for a transaction that applies one now."""
    columns = tuple(zip(*keys, strict=True))
    if not columns:
        return set()
    rows = await tx.exec_driver_sql(_ADD_APPLIED, columns)
    return {(row.tenant_id, row.day, row.delivery_id) for row in rows}


async def turn_applied_deliveries(tx: Transaction) -> None:
    """Make the partitions of the coming days and drop those past their time."""
    await tx.execute(text("SELECT store.turn_applied_deliveries()"))


async def add_dead_letter(tx: Transaction, values: dict[str, Any]) -> None:
    """One that is there already stays, with its age. One that was sent again has failed again."""
    letters = store.dead_letters
    new = insert(letters).values(values)
    failed_again = new.on_conflict_do_update(
        index_elements=["tenant_id", "id"],
        set_={
            "retried_at": null(),
            "reason": new.excluded.reason,
            "attempts": new.excluded.attempts,
        },
        where=letters.c.retried_at.is_not(None),
    )
    await tx.execute(failed_again)


async def read_shop(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    shops = store.shops.c
    query = select(
        shops.domain,
        shops.name,
        shops.currency,
        shops.zone,
        shops.plan,
        shops.history_since,
        shops.include_test_orders,
        shops.served_version,
    )
    return (await tx.execute(query.where(shops.tenant_id == tenant_id))).one_or_none()


async def read_version(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    versions = store.versions.c
    query = select(versions.version, versions.changed_at)
    return (await tx.execute(query.where(versions.tenant_id == tenant_id))).one_or_none()


async def read_main_pull(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """The newest that reads the whole history: a backfill, or a later pull of all that succeeded.

    It says whether the figures are whole; what the schedule pulls since does not change that.
    """
    pulls = store.pulls.c
    whole = or_(pulls.kind == "backfill", and_(pulls.scope == "all", pulls.state == "succeeded"))
    return await _newest_pull(tx, tenant_id, whole)


async def read_last_pull(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """The newest that has ended."""
    return await _newest_pull(tx, tenant_id, store.pulls.c.finished_at.is_not(None))


async def _newest_pull(
    tx: Transaction, tenant_id: UUID, condition: ColumnElement[bool]
) -> Row[*tuple[Any, ...]] | None:
    query = _newest_first(tenant_id).where(condition).limit(1)
    return (await tx.execute(query)).one_or_none()


async def read_pulls(
    tx: Transaction, tenant_id: UUID, at_most: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The newest first."""
    return (await tx.execute(_newest_first(tenant_id).limit(at_most))).all()


def _newest_first(tenant_id: UUID) -> Select[*tuple[Any, ...]]:
    """Each with what it proved: how many counts it `compared`, how many of these were `differing`
    in the end, and how many records it `repaired`.
    """
    pulls, entities = store.pulls, store.pull_entities.c
    checkpoint = entities.checkpoint
    differing = func.count().filter(checkpoint["mismatch"].as_boolean())
    repaired = func.sum(checkpoint["repaired"].as_integer())
    proof = (
        select(
            func.count().label("compared"),
            differing.label("differing"),
            func.coalesce(repaired, 0).label("repaired"),
        )
        .where(
            entities.tenant_id == pulls.c.tenant_id,
            entities.pull_id == pulls.c.id,
            checkpoint.has_key("repaired"),
        )
        .lateral("proof")
    )
    query = select(pulls, *proof.c).join(proof, true()).where(pulls.c.tenant_id == tenant_id)
    return query.order_by(pulls.c.requested_at.desc(), pulls.c.id.desc())


async def read_schedule(tx: Transaction, tenant_id: UUID) -> Row[*tuple[Any, ...]] | None:
    schedule = store.schedule.c
    query = select(schedule.due_at, schedule.interval_minutes, schedule.paused_at)
    return (await tx.execute(query.where(schedule.tenant_id == tenant_id))).one_or_none()


async def scheduled_tenants(tx: Transaction) -> Sequence[UUID]:
    """Every tenant that was ever connected and not erased; the schedule names no data of theirs."""
    schedule = store.schedule.c
    return (await tx.scalars(select(schedule.tenant_id).order_by(schedule.tenant_id))).all()


async def set_schedule(
    tx: Transaction, tenant_id: UUID, interval_minutes: int | None, *, paused: bool | None
) -> bool:
    """False when the tenant has no schedule. What is None stays; a pull that runs goes on."""
    schedule = store.schedule
    idle = schedule.c.lease_until.is_(None)
    values: dict[str, Any] = {}
    if interval_minutes is not None:
        values["interval_minutes"] = interval_minutes
    if paused:
        values["paused_at"] = func.coalesce(schedule.c.paused_at, func.now())
        values["due_at"] = case((idle, null()), else_=schedule.c.due_at)
    elif paused is not None:
        values["paused_at"] = null()
        resumed = and_(idle, schedule.c.paused_at.is_not(None))
        values["due_at"] = case((resumed, func.now()), else_=schedule.c.due_at)
    mine = update(schedule).where(schedule.c.tenant_id == tenant_id)
    return (await tx.execute(mine.values(values))).rowcount == 1


async def set_test_orders(tx: Transaction, tenant_id: UUID, *, include: bool) -> bool:
    """Whether that changed anything."""
    shops = store.shops
    other = shops.c.include_test_orders != include
    statement = update(shops).where(shops.c.tenant_id == tenant_id, other)
    return (await tx.execute(statement.values(include_test_orders=include))).rowcount == 1


async def read_proofs(tx: Transaction, tenant_id: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """The newest comparison of each entity."""
    proofs = store.reconciliations
    query = select(proofs).where(proofs.c.tenant_id == tenant_id)
    newest = query.ext(distinct_on(proofs.c.entity))
    return (await tx.execute(newest.order_by(proofs.c.entity, proofs.c.day.desc()))).all()


async def read_pull_entities(
    tx: Transaction, tenant_id: UUID, pull_id: UUID
) -> Sequence[Row[*tuple[Any, ...]]]:
    entities = store.pull_entities.c
    marks = entities.checkpoint["marks"].label("marks")
    query = select(entities.entity, entities.state, entities.done, entities.expected, marks)
    mine = query.where(entities.tenant_id == tenant_id, entities.pull_id == pull_id)
    return (await tx.execute(mine)).all()


async def read_entity_counts(tx: Transaction, tenant_id: UUID) -> Mapping[str, int]:
    """How many records of each entity the tenant has."""
    counts = store.entity_counts.c
    query = select(counts.entity, counts.records).where(counts.tenant_id == tenant_id)
    return {row.entity: row.records for row in await tx.execute(query)}


_COUNT_UNMAPPED = """INSERT INTO store.unmapped_topics AS held
    (tenant_id, topic, deliveries, last_at)
    SELECT given.tenant_id, given.topic, given.deliveries, $4
    FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS given(tenant_id, topic, deliveries)
    JOIN store.shops AS shop ON shop.tenant_id = given.tenant_id
    ORDER BY given.tenant_id, given.topic
    ON CONFLICT (tenant_id, topic) DO UPDATE
        SET deliveries = held.deliveries + excluded.deliveries, last_at = excluded.last_at"""


async def count_unmapped(
    tx: Transaction, found: Mapping[tuple[UUID, str], int], at: datetime
) -> None:
    """Add deliveries by tenant and topic. A tenant without a shop was erased, or is new."""
    if found:
        tenants, topics = zip(*found, strict=True)
        arguments = (tenants, topics, list(found.values()), at)
        await tx.exec_driver_sql(_COUNT_UNMAPPED, arguments)


async def read_unmapped(tx: Transaction, tenant_id: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """The topics we had no use for, by name."""
    table = store.unmapped_topics
    query = select(table).where(table.c.tenant_id == tenant_id).order_by(table.c.topic)
    return (await tx.execute(query)).all()


_COUNT_UNKNOWN = """INSERT INTO store.unknown_fields AS held
    (tenant_id, topic, field, deliveries, first_at, last_at)
    WITH given AS (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[])
            AS given(tenant_id, topic, delivery, field)),
    kept AS (
        SELECT tenant_id, topic, field FROM store.unknown_fields
        WHERE tenant_id = ANY ($1::uuid[]) AND field <> $6),
    appeared AS (
        SELECT tenant_id, topic, field FROM given WHERE field <> $6
        EXCEPT SELECT * FROM kept),
    placed AS (
        SELECT appeared.*, row_number() OVER (PARTITION BY tenant_id, topic ORDER BY field) + (
            SELECT count(*) FROM kept
            WHERE kept.tenant_id = appeared.tenant_id AND kept.topic = appeared.topic) AS place
        FROM appeared)
    SELECT given.tenant_id, given.topic,
        CASE WHEN placed.place > $7::bigint THEN $6 ELSE given.field END AS field,
        count(DISTINCT given.delivery), $5, $5
    FROM given LEFT JOIN placed USING (tenant_id, topic, field)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (tenant_id, topic, field) DO UPDATE
        SET deliveries = held.deliveries + excluded.deliveries, last_at = excluded.last_at"""


async def count_unknown_fields(
    tx: Transaction, found: Iterable[tuple[UUID, str, Collection[str]]], at: datetime
) -> None:
    """Add deliveries by tenant, topic and field; of each delivery its names are given.

    Names beyond the first `MOST_NAMES` of a tenant's topic are counted as `OTHERS`. The caller
    holds the tenants' locks.
    """
    rows = [
        (tenant_id, topic, number, name)
        for number, (tenant_id, topic, names) in enumerate(found)
        for name in names
    ]
    if rows:
        arguments = (*zip(*rows, strict=True), at, OTHERS, MOST_NAMES)
        await tx.exec_driver_sql(_COUNT_UNKNOWN, arguments)


async def read_unknown_fields(tx: Transaction, tenant_id: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """The fields of deliveries that nobody knows, by topic and name."""
    table = store.unknown_fields
    query = select(table).where(table.c.tenant_id == tenant_id)
    return (await tx.execute(query.order_by(table.c.topic, table.c.field))).all()
