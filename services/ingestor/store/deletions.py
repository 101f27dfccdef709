"""Deletions leave a tombstone: final, unless a pull saw the object later than it was deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.facts import Entity
from services.ingestor.store.folding import Key
from services.ingestor.store.orders import IMAGES
from services.ingestor.store.rollups import (
    CUSTOMER_SALES,
    DAILY_SALES,
    ENTITY_COUNTS,
    ORDER_COUNT_IMAGES,
    ORDER_IMAGES,
    PRODUCT_SALES,
    count_images,
)
from services.ingestor.store.statements import arrays, names, run, with_parts

_DIES = """(held.deleted_at IS NULL OR held.deleted_at < excluded.deleted_at)
    AND (held.pulled_at IS NULL OR held.pulled_at <= excluded.deleted_at)"""


def _tombstones(
    entity: Entity,
    columns: str,
    values: str,
    also: str,
    images: str = "",
    key: Sequence[str] = ("id",),
) -> str:
    given = {"tenant_id": "uuid", **dict.fromkeys(key, "bigint"), "deleted_at": "timestamptz"}
    keyed = names(("tenant_id", *key))
    return "\n".join(
        (
            f"written AS (INSERT INTO store.{entity} AS held",
            f"({keyed}, updated_at, observed_at, deleted_at{columns})",
            f"SELECT {keyed}, '-infinity', '-infinity', deleted_at{values}",
            f"FROM {arrays(given)} ORDER BY {keyed}",
            f"ON CONFLICT ({keyed}) DO UPDATE SET deleted_at = excluded.deleted_at{also}",
            f"WHERE {_DIES}",
            f"RETURNING {names(('tenant_id', *key), 'new.')}{images},",
            "old.tenant_id IS NOT NULL AND old.deleted_at IS NULL AS died)",
        )
    )


_DIED = "SELECT DISTINCT tenant_id FROM written WHERE died"


def deletion_statement(entity: Entity, also: str = "", key: Sequence[str] = ("id",)) -> str:
    """Leaves tombstones in a table of which nothing is computed but how many rows it has."""
    return with_parts(
        _tombstones(entity, "", "", also, key=key),
        count_images(entity, -1, "died"),
        ENTITY_COUNTS,
        answer=_DIED,
    )


_DELETE_ORDERS = with_parts(
    _tombstones("orders", ", counted", ", false", ", counted = false", f", {IMAGES}"),
    """dead_lines AS (
        UPDATE store.order_lines AS held SET counted = false FROM written
        WHERE held.tenant_id = written.tenant_id AND held.order_id = written.id AND held.counted
        RETURNING held.tenant_id, held.product_id, held.currency,
            -held.quantity AS units, -held.total AS gross, -held.discounts AS discounts)""",
    """dead_refunds AS (
        UPDATE store.refunds AS held SET counted = false FROM written
        WHERE held.tenant_id = written.tenant_id AND held.order_id = written.id AND held.counted
        RETURNING held.tenant_id, held.day, held.currency, -held.amount AS refunded)""",
    ORDER_IMAGES,
    """daily_images AS (
        SELECT * FROM order_images
        UNION ALL
        SELECT tenant_id, day, currency, NULL, 0, 0, 0, 0, 0, 0, 0, refunded FROM dead_refunds)""",
    "line_images AS (SELECT * FROM dead_lines)",
    ORDER_COUNT_IMAGES,
    DAILY_SALES,
    CUSTOMER_SALES,
    PRODUCT_SALES,
    ENTITY_COUNTS,
    answer=_DIED,
)

_DELETE: Mapping[Entity, str] = {
    "orders": _DELETE_ORDERS,
    "customers": deletion_statement(
        "customers", ", email = NULL, first_name = NULL, last_name = NULL"
    ),
    "products": deletion_statement("products"),
}


async def delete_entities(
    tx: Transaction, deletions: Mapping[Entity, Mapping[Key, datetime]]
) -> set[UUID]:
    """Returns the tenants that lost an object they had."""
    changed: set[UUID] = set()
    for entity, dead in sorted(deletions.items()):
        tenants, ids = zip(*dead, strict=True)
        rows = await run(tx, _DELETE[entity], tenants, ids, list(dead.values()))
        changed |= {row.tenant_id for row in rows}
    return changed
