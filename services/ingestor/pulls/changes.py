"""Reads what changed at Shopify since the last pull, in time that grows with the change alone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.logs import get_logger
from services.ingestor.facts import Entity, Observation, Records
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls.left_out import note_read, read_left_out
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.pulls.state import Changes
from services.ingestor.shopify.pages import Page, read_changes
from services.ingestor.shopify.queries import is_by_id
from services.ingestor.store.apply import apply_observations
from services.ingestor.store.kinds import delete_unseen
from services.ingestor.unreadable import count_unreadable

_OVERLAP = timedelta(minutes=10)
_OVERLAP_OF: Mapping[Entity, timedelta] = {
    # Shopify's search by a customer's updated_at is exact to the day only.
    "customers": timedelta(days=1),
}
_SET_AT_MOST = 20_000
"""Shopify ends a paged set after 25,000 objects; a new one is begun well before."""

log = get_logger()


def read_from(entity: Entity, watermark: datetime) -> datetime:
    """Where to begin, when all up to `watermark` was read: changes may show late."""
    return watermark - _OVERLAP_OF.get(entity, _OVERLAP)


async def pull_changes(running: RunningEntity) -> None:
    """Apply the changes that the checkpoint says are left, page by page, and what no page shows."""
    changes = running.checkpoint.changes
    if changes is None:
        return
    if not changes.done:
        await _pull_pages(running, changes)
    await read_left_out(running)


async def _pull_pages(running: RunningEntity, changes: Changes) -> None:
    since, after_id, cursor, in_set = changes.until, None, None, 0
    began_at: datetime | None = None
    running.begin_import()
    while True:
        page = await read_changes(running.pull.client, running.entity, since, cursor, after_id)
        began_at = began_at or page.observed_at
        until = await _apply(running, page, began_at)
        in_set += len(page.facts)
        cursor = page.cursor
        if cursor is None:
            break
        if in_set >= _SET_AT_MOST and is_by_id(running.entity):
            after_id, cursor, in_set = page.last_id, None, 0
        elif in_set >= _SET_AT_MOST and until > since:
            since, cursor, in_set = until, None, 0
    await _delete_unseen(running, began_at)
    log.info("changes_pulled", entity=running.entity, records=running.checkpoint.applied)


async def _apply(running: RunningEntity, page: Page, began_at: datetime) -> datetime:
    """Returns up to when all changes are read."""
    tenant_id = running.pull.claim.tenant_id
    batch = [
        Observation(tenant_id=tenant_id, fact=fact, observed_at=page.observed_at, pulled=True)
        for fact in page.facts
    ]

    async def work(tx: Transaction) -> Mapping[UUID, int]:
        versions = await apply_observations(tx, batch)
        await count_unreadable(tx, {(tenant_id, running.entity): page.unreadable}, utc_now())
        if running.entity in KINDS and KINDS[running.entity].follows_refunds:
            await note_read(tx, tenant_id, dict.fromkeys(_owners(page), page.observed_at))
        return versions

    last = page.cursor is None
    # A list that is not in the order of change tells nothing before its end.
    newest = page.newest or (began_at if last and is_by_id(running.entity) else None)
    versions = await running.apply_changes(len(batch), newest, work, last=last)
    running.pull.progress.note_version(versions.get(tenant_id))
    held = running.checkpoint.changes
    return held.until if held else began_at


def _owners(page: Page) -> list[int]:
    return [fact.owner_id for fact in page.facts if isinstance(fact, Records) and fact.owner_id]


async def _delete_unseen(running: RunningEntity, began_at: datetime) -> None:
    """What a whole list did not show is no more, and no delivery told us so."""
    kind = KINDS.get(running.entity)
    if kind is None or kind.listing.search_field:
        return
    tenant_id = running.pull.claim.tenant_id
    version = await running.pull.write(lambda tx: delete_unseen(tx, tenant_id, kind.name, began_at))
    running.pull.progress.note_version(version)
