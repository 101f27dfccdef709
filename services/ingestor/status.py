"""How far the ingestion of one tenant is, as the gateway and the hints tell it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from services.ingestor import repository
from services.ingestor.pulls.pace import Mark, records_per_second

_ENTITIES = ("customers", "orders", "products")


async def read_status(tx: Transaction, tenant_id: UUID) -> dict[str, Any]:
    """`shop` is null until its facts arrived, `pull` until the first one was asked for."""
    shop = await repository.read_shop(tx, tenant_id)
    version = await repository.read_version(tx, tenant_id)
    return {
        "shop": None
        if shop is None
        else {
            "name": shop.name,
            "currency": shop.currency,
            "zone": shop.zone,
            "historySince": shop.history_since and shop.history_since.isoformat(),
        },
        "pull": await current_pull(tx, tenant_id),
        "freshness": {
            "dataVersion": str(version.version if version else 0),
            "changedAt": _moment(version.changed_at if version else None),
        },
    }


async def current_pull(tx: Transaction, tenant_id: UUID) -> dict[str, Any] | None:
    """The newest pull in the public shape; None before the first."""
    pull = await repository.read_newest_pull(tx, tenant_id)
    if pull is None:
        return None
    rows = await repository.read_pull_entities(tx, tenant_id, pull.id)
    known = {row.entity: row for row in rows}
    now = utc_now()
    entities = [_entity(name, known.get(name), now) for name in _ENTITIES]
    return {
        "id": str(pull.id),
        "kind": pull.kind,
        "state": pull.state,
        "startedAt": _moment(pull.started_at),
        "finishedAt": _moment(pull.finished_at),
        "recordsProcessed": pull.records_processed,
        "errors": [{"code": error["code"], "message": error["message"]} for error in pull.errors],
        "secondsLeft": _seconds_left(entities) if pull.state == "running" else None,
        "entities": entities,
    }


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
