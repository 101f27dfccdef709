"""How far the ingestion of one tenant is, as the gateway and the hints tell it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from services.ingestor import repository
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls.pace import Mark, records_per_second
from services.ingestor.pulls.state import ENTITIES
from services.ingestor.unreadable import read_unreadable


async def read_status(tx: Transaction, tenant_id: UUID) -> dict[str, Any]:
    """`shop` is null until its facts arrived, `pull` until the first one was asked for."""
    shop = await repository.read_shop(tx, tenant_id)
    version = await repository.read_version(tx, tenant_id)
    last = await repository.read_last_pull(tx, tenant_id)
    schedule = await repository.read_schedule(tx, tenant_id)
    return {
        "shop": None
        if shop is None
        else {
            "name": shop.name,
            "currency": shop.currency,
            "zone": shop.zone,
            "plan": shop.plan,
            "historySince": shop.history_since and shop.history_since.isoformat(),
        },
        "pull": await current_pull(tx, tenant_id),
        "lastPull": last and _pull(last),
        "nextPullAt": _moment(schedule.due_at if schedule else None),
        "proof": _proof(await repository.read_proofs(tx, tenant_id)),
        "settings": {
            "pullIntervalMinutes": schedule.interval_minutes if schedule else None,
            "paused": schedule is not None and schedule.paused_at is not None,
            "includeTestOrders": shop is not None and shop.include_test_orders,
        },
        "unmappedTopics": [
            {"topic": row.topic, "deliveries": row.deliveries, "lastAt": _moment(row.last_at)}
            for row in await repository.read_unmapped(tx, tenant_id)
        ],
        "unknownFields": await _unknown_fields(tx, tenant_id),
        "unreadableFields": await _unreadable_fields(tx, tenant_id),
        "freshness": {
            "dataVersion": str(version.version if version else 0),
            "changedAt": _moment(version.changed_at if version else None),
        },
    }


async def read_history(tx: Transaction, tenant_id: UUID, at_most: int) -> dict[str, Any]:
    """The tenant's pulls, the newest first."""
    return {"pulls": [_pull(row) for row in await repository.read_pulls(tx, tenant_id, at_most)]}


async def read_schedule_line(tx: Transaction, tenant_id: UUID) -> dict[str, Any] | None:
    """One tenant as an operator sees it; None when it went meanwhile."""
    schedule = await repository.read_schedule(tx, tenant_id)
    if schedule is None:
        return None
    shop = await repository.read_shop(tx, tenant_id)
    last = await repository.read_last_pull(tx, tenant_id)
    return {
        "tenantId": str(tenant_id),
        "domain": shop and shop.domain,
        "servedVersion": shop and shop.served_version,
        "paused": schedule.paused_at is not None,
        "pullIntervalMinutes": schedule.interval_minutes,
        "nextPullAt": _moment(schedule.due_at),
        "lastPull": last and _pull(last),
        "unknownFields": await _unknown_fields(tx, tenant_id),
        "unreadableFields": await _unreadable_fields(tx, tenant_id),
    }


async def _unknown_fields(tx: Transaction, tenant_id: UUID) -> Sequence[dict[str, Any]]:
    return [
        {
            "topic": row.topic,
            "field": row.field,
            "deliveries": row.deliveries,
            "firstAt": _moment(row.first_at),
            "lastAt": _moment(row.last_at),
        }
        for row in await repository.read_unknown_fields(tx, tenant_id)
    ]


async def _unreadable_fields(tx: Transaction, tenant_id: UUID) -> Sequence[dict[str, Any]]:
    return [
        {
            "topic": row.topic,
            "field": row.field,
            "records": row.records,
            "firstAt": _moment(row.first_at),
            "lastAt": _moment(row.last_at),
        }
        for row in await read_unreadable(tx, tenant_id)
    ]


async def current_pull(tx: Transaction, tenant_id: UUID) -> dict[str, Any] | None:
    """The pull of the whole history in the public shape; None before the first."""
    pull = await repository.read_main_pull(tx, tenant_id)
    if pull is None:
        return None
    rows = await repository.read_pull_entities(tx, tenant_id, pull.id)
    known = {row.entity: row for row in rows}
    counts = await repository.read_entity_counts(tx, tenant_id)
    now = utc_now()
    entities = [_entity(name, known.get(name), now) for name in ENTITIES]
    return {
        **_pull(pull),
        "secondsLeft": _seconds_left(entities) if pull.state == "running" else None,
        "entities": entities,
        "furtherEntities": [
            _further(known[name], counts.get(name, 0)) for name in KINDS if name in known
        ],
    }


def _pull(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "kind": row.kind,
        "scope": row.scope,
        "state": row.state,
        "requestedAt": _moment(row.requested_at),
        "startedAt": _moment(row.started_at),
        "finishedAt": _moment(row.finished_at),
        "recordsProcessed": row.records_processed,
        "errors": [
            {name: error[name] for name in ("entity", "code", "message")} for error in row.errors
        ],
        "proof": {
            "compared": row.compared,
            "differing": row.differing,
            "repaired": row.repaired,
        }
        if row.compared
        else None,
    }


def _proof(rows: Sequence[Any]) -> dict[str, Any] | None:
    if not rows:
        return None
    return {
        "checkedAt": _moment(min(row.checked_at for row in rows)),
        "entities": [
            {
                "entity": row.entity,
                "ours": row.ours,
                "shopify": row.shopify,
                "drift": row.drift,
                "repaired": row.repaired,
                "checkedAt": _moment(row.checked_at),
            }
            for row in sorted(rows, key=_place)
        ],
    }


def _place(row: Any) -> tuple[bool, int, str]:
    known = row.entity in ENTITIES
    return not known, ENTITIES.index(row.entity) if known else 0, row.entity


def _entity(name: str, row: Any, now: datetime) -> dict[str, Any]:
    importing = row is not None and row.state == "importing"
    marks = msgspec.convert(row.marks or (), tuple[Mark, ...]) if importing else ()
    pace = records_per_second(marks, now)
    return {
        "entity": name,
        "state": row.state if row else "waiting",
        "done": row.done if row else 0,
        "expected": row.expected if row else None,
        "recordsPerSecond": None if pace is None else round(pace, 1),
    }


def _further(row: Any, records: int) -> dict[str, Any]:
    return {
        "entity": row.entity,
        "state": row.state,
        "done": row.done,
        "expected": row.expected,
        "records": records,
    }


def _seconds_left(entities: Sequence[dict[str, Any]]) -> int | None:
    """At the present pace; None while a size or the pace is not known."""
    pace = next((each["recordsPerSecond"] for each in entities if each["recordsPerSecond"]), None)
    left = 0
    for each in entities:
        if each["state"] in ("done", "failed"):
            continue
        if each["expected"] is None:
            return None
        left += max(0, each["expected"] - each["done"])
    return None if pace is None else round(left / pace)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
