"""Reads what changed at Shopify since the last pull, in time that grows with the change alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.logs import get_logger
from services.ingestor.facts import Deletion, Entity, Fact, Observation, Refund
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify.pages import Page, read_changes
from services.ingestor.store.apply import apply_observations

_OVERLAP: Mapping[Entity, timedelta] = {
    # Shopify's search by a customer's updated_at is exact to the day only.
    "customers": timedelta(days=1),
    "orders": timedelta(minutes=10),
    "products": timedelta(minutes=10),
}
_SET_AT_MOST = 20_000
"""Shopify ends a paged set after 25,000 objects; a new one is begun well before."""

log = get_logger()


def read_from(entity: Entity, watermark: datetime) -> datetime:
    """Where to begin, when all up to `watermark` was read: changes may show late."""
    return watermark - _OVERLAP[entity]


async def pull_changes(running: RunningEntity) -> None:
    """Apply the changes that the checkpoint says are left, page by page."""
    changes = running.checkpoint.changes
    if changes is None or changes.done:
        return
    since, cursor, in_set = changes.until, None, 0
    running.begin_import()
    while True:
        page = await read_changes(running.pull.client, running.entity, since, cursor)
        await _apply(running, page)
        in_set += len(page.facts)
        cursor = page.cursor
        if cursor is None:
            break
        held = running.checkpoint.changes
        if in_set >= _SET_AT_MOST and held is not None and held.until > since:
            since, cursor, in_set = held.until, None, 0
    log.info("changes_pulled", entity=running.entity, records=running.checkpoint.applied)


async def _apply(running: RunningEntity, page: Page) -> None:
    tenant_id = running.pull.claim.tenant_id
    batch = [
        Observation(tenant_id=tenant_id, fact=fact, observed_at=page.observed_at, pulled=True)
        for fact in page.facts
    ]

    async def work(tx: Transaction) -> Mapping[UUID, int]:
        return await apply_observations(tx, batch)

    versions = await running.apply_changes(
        len(batch), _newest(page.facts), work, last=page.cursor is None
    )
    running.pull.progress.note_version(versions.get(tenant_id))


def _newest(facts: Sequence[Fact]) -> datetime | None:
    return max(
        (fact.updated_at for fact in facts if not isinstance(fact, Deletion | Refund)),
        default=None,
    )
