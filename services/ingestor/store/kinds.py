"""Rows of the further entities: newest wins, deletions leave tombstones, owners take theirs along.

Nothing is computed from these rows but how many there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.facts import Entity
from services.ingestor.kinds.kind import Kind
from services.ingestor.kinds.registry import KINDS
from services.ingestor.store.deletions import deletion_statement
from services.ingestor.store.entities import EntityStatements, entity_statements, write_entities
from services.ingestor.store.folding import Key, KindBatch
from services.ingestor.store.rollups import ENTITY_COUNTS, count_images
from services.ingestor.store.statements import NEWER, arrays, names, run, with_parts
from services.ingestor.store.tenants import lock_tenants, raise_versions

_DIED = "SELECT DISTINCT tenant_id FROM written"
_DEAD_OWNERS = """SELECT tenant_id, id, deleted_at FROM store.{}
    WHERE tenant_id = ANY ($1::uuid[]) AND id = ANY ($2::bigint[]) AND deleted_at IS NOT NULL"""
_PULLED_LATER = "excluded.pulled_at > coalesce(held.pulled_at, '-infinity')"

_Lists = Mapping[Key, tuple[datetime, frozenset[Key]]]
"""Of each owner: when its whole list was seen, and the keys in it."""


@dataclass(frozen=True, slots=True)
class _Statements:
    write: EntityStatements
    delete: str
    unlisted: str
    unseen: str
    dead_owners: str


async def write_kinds(tx: Transaction, batches: Mapping[Entity, KindBatch]) -> set[UUID]:
    """Returns the tenants of which anything changed. The caller holds their locks."""
    changed: set[UUID] = set()
    for name, batch in sorted(batches.items()):
        statements = _statements(name)
        changed |= await write_entities(tx, statements.write, batch.rows)
        for lists in (batch.lists, await _dead_owners(tx, KINDS[name], batch)):
            if lists:
                changed |= await _delete_unlisted(tx, KINDS[name], statements.unlisted, lists)
        if batch.gone:
            keys = zip(*batch.gone, strict=True)
            rows = await run(tx, statements.delete, *keys, list(batch.gone.values()))
            changed |= {row.tenant_id for row in rows}
    return changed


async def delete_unseen(
    tx: Transaction, tenant_id: UUID, entity: Entity, snapshot_at: datetime
) -> int | None:
    """Delete what the tenant has and a whole list of `snapshot_at` did not.

    Returns the tenant's new data version; None when there was nothing to delete.
    """
    await lock_tenants(tx, {tenant_id})
    rows = await run(tx, _statements(entity).unseen, tenant_id, snapshot_at)
    versions = await raise_versions(tx, {row.tenant_id for row in rows})
    return versions.get(tenant_id)


async def _dead_owners(tx: Transaction, kind: Kind, batch: KindBatch) -> _Lists:
    """The deleted ones among the owners of rows that came: nothing of theirs is left.

    A row may come after its owner's deletion, and none would come after it to take it away.
    """
    if kind.owner is None or not batch.rows.copies:
        return {}
    column = kind.owner.column
    owners = {(key[0], getattr(row, column)) for key, (row, _) in batch.rows.copies.items()}
    tenants, ids = zip(*owners, strict=True)
    rows = await run(tx, _statements(kind.name).dead_owners, tenants, ids)
    return {(row.tenant_id, row.id): (row.deleted_at, frozenset()) for row in rows}


async def _delete_unlisted(tx: Transaction, kind: Kind, statement: str, lists: _Lists) -> set[UUID]:
    tenants, owners = zip(*lists, strict=True)
    listed = sorted(key for _, keys in lists.values() for key in keys)
    keys: Sequence[Any] = list(zip(*listed, strict=True)) or [[]] * (1 + len(kind.key))
    rows = await run(tx, statement, tenants, owners, [seen for seen, _ in lists.values()], *keys)
    return {row.tenant_id for row in rows}


@cache
def _statements(name: Entity) -> _Statements:
    kind = KINDS[name]
    return _Statements(
        write=_writing(kind),
        delete=deletion_statement(name, key=kind.key),
        unlisted=_unlisted(kind) if kind.owner else "",
        unseen=_dying(kind, "", "held.tenant_id = $1::uuid", "$2::timestamptz"),
        dead_owners=_DEAD_OWNERS.format(kind.owner.entity) if kind.owner else "",
    )


def _writing(kind: Kind) -> EntityStatements:
    if not kind.from_pulls:
        return entity_statements(kind.name, kind.data, key=kind.key)

    def take(columns: Iterable[str]) -> str:
        return ", ".join(map(said, columns))

    def said(column: str) -> str:
        if column not in kind.from_pulls:
            return f"{column} = CASE WHEN {NEWER} THEN excluded.{column} ELSE held.{column} END"
        first = f"WHEN held.pulled_at IS NULL THEN coalesce(held.{column}, excluded.{column})"
        last = f"CASE WHEN {_PULLED_LATER} THEN excluded.{column} {first}"
        return f"{column} = {last} ELSE held.{column} END"

    newer = f"({NEWER} OR held.deleted_at IS NULL AND {_PULLED_LATER})"
    return entity_statements(kind.name, kind.data, take, key=kind.key, newer=newer)


def _unlisted(kind: Kind) -> str:
    owner = kind.owner.column if kind.owner else ""
    keyed = ("tenant_id", *kind.key)
    columns = {"tenant_id": "uuid", **dict.fromkeys(kind.key, "bigint")}
    whole = arrays({"tenant_id": "uuid", "owner": "bigint", "seen": "timestamptz"})
    listed = arrays(columns, "listed", first=4)
    # The bare lists let an index find the rows, whatever the statistics of a fresh table say.
    conditions = (
        f"held.tenant_id = ANY ($1::uuid[]) AND held.{owner} = ANY ($2::bigint[])",
        f"AND held.tenant_id = given.tenant_id AND held.{owner} = given.owner",
        f"AND ({names(keyed, 'held.')}) NOT IN (SELECT {names(keyed)}",
        f"FROM {listed})",
    )
    return _dying(kind, f"FROM {whole}", " ".join(conditions), "given.seen")


def _dying(kind: Kind, source: str, where: str, moment: str) -> str:
    written = (
        f"written AS (UPDATE store.{kind.name} AS held",
        f"SET deleted_at = {moment}",
        source,
        f"WHERE {where}",
        f"AND held.deleted_at IS NULL AND held.observed_at < {moment}",
        f"AND (held.pulled_at IS NULL OR held.pulled_at < {moment})",
        "RETURNING held.tenant_id)",
    )
    return with_parts(
        "\n".join(written), count_images(kind.name, -1, "true"), ENTITY_COUNTS, answer=_DIED
    )
