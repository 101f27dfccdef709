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
from services.ingestor.kinds.kind import Kind, Owner, Row
from services.ingestor.kinds.registry import KINDS
from services.ingestor.store.deletions import deletion_statement
from services.ingestor.store.entities import EntityStatements, entity_statements, write_entities
from services.ingestor.store.folding import Key, KindBatch, Newest
from services.ingestor.store.rollups import ENTITY_COUNTS, count_images
from services.ingestor.store.statements import NEWER, arrays, names, run, with_parts
from services.ingestor.store.tenants import lock_tenants, raise_versions

_DIED = "SELECT DISTINCT tenant_id FROM written"
_GONE = """SELECT tenant_id, id FROM store.{}
    WHERE tenant_id = ANY ($1::uuid[]) AND id = ANY ($2::bigint[]) AND deleted_at IS NOT NULL"""
_LISTED = """SELECT tenant_id, id, {0} AS listed_at FROM store.{1}
    WHERE tenant_id = ANY ($1::uuid[]) AND id = ANY ($2::bigint[]) AND {0} IS NOT NULL"""
_SEEN_BEFORE = "held.observed_at < {0} AND (held.pulled_at IS NULL OR held.pulled_at < {0})"
_NOT_PULLED_SINCE = "(held.pulled_at IS NULL OR held.pulled_at <= {0})"
_PULLED_LATER = "excluded.pulled_at > coalesce(held.pulled_at, '-infinity')"

_Lists = Mapping[Key, tuple[datetime, frozenset[Key]]]
"""Of each owner: when its whole list was seen, and the keys in it."""


@dataclass(frozen=True, slots=True)
class _Statements:
    write: EntityStatements
    delete: str
    unlisted: str
    here: str
    unseen: str
    ownerless: Mapping[str, str]


async def write_kinds(tx: Transaction, batches: Mapping[Entity, KindBatch]) -> set[UUID]:
    """Returns the tenants of which anything changed. The caller holds their locks."""
    changed: set[UUID] = set()
    for name in sorted(batches, key=lambda name: (bool(KINDS[name].owners), name)):
        batch, statements = batches[name], _statements(name)
        await _leave_out_late(tx, KINDS[name], batch.rows)
        changed |= await write_entities(tx, statements.write, batch.rows)
        if batch.lists:
            changed |= await _delete_unlisted(tx, KINDS[name], statements.unlisted, batch.lists)
        if batch.gone:
            keys = zip(*batch.gone, strict=True)
            rows = await run(tx, statements.delete, *keys, list(batch.gone.values()))
            changed |= {row.tenant_id for row in rows}
        changed |= await _delete_ownerless(tx, KINDS[name], batch)
    return changed


async def _leave_out_late(tx: Transaction, kind: Kind, rows: Newest[Row]) -> None:
    """Takes out of `rows` what ended before its delivery came.

    A row that was never here and was seen before the newest whole list of its owner is not in that
    list. What a pull shows stays: it may have been read after the time that it bears.
    """
    if kind.owner is None or not kind.owner.listed:
        return
    told = {
        key: (key[0], getattr(row, kind.owner.column))
        for key, (row, _) in rows.copies.items()
        if key not in rows.pulled
    }
    if not told:
        return
    owners = zip(*set(told.values()), strict=True)
    found = await run(tx, _LISTED.format(kind.owner.listed, kind.owner.entity), *owners)
    listed = {(row.tenant_id, row.id): row.listed_at for row in found}
    late = {key for key in told if told[key] in listed and rows.copies[key][1] < listed[told[key]]}
    # Hardly ever is there one, and then it mostly is here.
    if late:
        here = await run(tx, _statements(kind.name).here, *zip(*late, strict=True))
        for key in late - {tuple(row) for row in here}:
            del rows.copies[key]


async def _delete_ownerless(tx: Transaction, kind: Kind, batch: KindBatch) -> set[UUID]:
    """Rows go with their owner, whichever news came first."""
    changed: set[UUID] = set()
    for owner in kind.owners:
        if not (named := batch.bereft[owner.column]):
            continue
        # Hardly ever is one gone, and to join what a fresh table has costs more than to look.
        tenants, ids = zip(*named, strict=True)
        found = await run(tx, _GONE.format(owner.entity), list(set(tenants)), ids)
        gone = {(row.tenant_id, row.id) for row in found} & named
        if gone:
            keys = zip(*sorted(gone), strict=True)
            rows = await run(tx, _statements(kind.name).ownerless[owner.column], *keys)
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
        unlisted=_unlisted(kind, kind.owner) if kind.owner else "",
        here=_here(kind),
        unseen=_dying(kind, "", "held.tenant_id = $1::uuid", "$2::timestamptz", _SEEN_BEFORE),
        ownerless={owner.column: _ownerless(kind, owner) for owner in kind.owners},
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


def _here(kind: Kind) -> str:
    keys = (f"{column} = ANY (${n}::bigint[])" for n, column in enumerate(kind.key, 2))
    where = " AND ".join(("tenant_id = ANY ($1::uuid[])", *keys))
    return f"SELECT {names(('tenant_id', *kind.key))} FROM store.{kind.name} WHERE {where}"  # noqa: S608


def _unlisted(kind: Kind, owner: Owner) -> str:
    keyed = ("tenant_id", *kind.key)
    columns = {"tenant_id": "uuid", **dict.fromkeys(kind.key, "bigint")}
    whole = arrays({"tenant_id": "uuid", "owner": "bigint", "seen": "timestamptz"})
    listed = arrays(columns, "listed", first=4)
    # The bare lists let an index find the rows, whatever the statistics of a fresh table say.
    conditions = (
        f"held.tenant_id = ANY ($1::uuid[]) AND held.{owner.column} = ANY ($2::bigint[])",
        f"AND held.tenant_id = given.tenant_id AND held.{owner.column} = given.owner",
        f"AND ({names(keyed, 'held.')}) NOT IN (SELECT {names(keyed)}",
        f"FROM {listed})",
    )
    remembered = (
        f"""remembered AS (UPDATE store.{owner.entity} AS held SET {owner.listed} = given.seen
            FROM {whole}
            WHERE held.tenant_id = ANY ($1::uuid[]) AND held.id = ANY ($2::bigint[])
            AND held.tenant_id = given.tenant_id AND held.id = given.owner
            AND (held.{owner.listed} IS NULL OR held.{owner.listed} < given.seen))"""  # noqa: S608
        if owner.listed
        else ""
    )
    where = " ".join(conditions)
    return _dying(kind, f"FROM {whole}", where, "given.seen", _SEEN_BEFORE, remembered)


def _ownerless(kind: Kind, owner: Owner) -> str:
    """As their owner's end is final, so is theirs, unless a pull saw them later."""
    conditions = (
        f"held.tenant_id = ANY ($1::uuid[]) AND held.{owner.column} = ANY ($2::bigint[])",
        f"AND gone.tenant_id = held.tenant_id AND gone.id = held.{owner.column}",
        "AND gone.deleted_at IS NOT NULL",
    )
    source = f"FROM store.{owner.entity} AS gone"
    return _dying(kind, source, " ".join(conditions), "gone.deleted_at", _NOT_PULLED_SINCE)


def _dying(kind: Kind, source: str, where: str, moment: str, when: str, also: str = "") -> str:
    """`also` is one more part of the statement."""
    written = (
        f"written AS (UPDATE store.{kind.name} AS held",
        f"SET deleted_at = {moment}",
        source,
        f"WHERE {where}",
        f"AND held.deleted_at IS NULL AND {when.format(moment)}",
        "RETURNING held.tenant_id)",
    )
    parts = ("\n".join(written), count_images(kind.name, -1, "true"), ENTITY_COUNTS)
    return with_parts(*parts, *filter(None, [also]), answer=_DIED)
