"""Compares what we have with what Shopify says it has, over a window that is closed."""

import asyncio
from datetime import datetime
from typing import NamedTuple

from libs.common.database.transaction import Transaction, transaction
from libs.common.logs import get_logger
from services.ingestor.facts import Deletion, Entity, Observation
from services.ingestor.pulls import repository
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.exports import Export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify import shop
from services.ingestor.shopify.windows import Window
from services.ingestor.store.apply import apply_observations

_PAUSES_SECONDS = (0.0, 0.5, 2.0)
"""Before each look: a deletion since the snapshot may still be on its way to us."""

log = get_logger()


class Difference(NamedTuple):
    ours: int
    shopify: int


async def settle_difference(
    running: RunningEntity, export: Export, history_since: datetime | None
) -> Difference | None:
    """Compare, after a whole snapshot was applied; None when both have the same number.

    Records that we have and the snapshot does not were deleted while nobody told us: they are
    deleted here too. Counted is what of the export's window was created before the second of the
    snapshot and, for orders, since the history that Shopify shows us begins.
    """
    since = history_since if running.entity == "orders" else None
    whole = running.checkpoint.slices[export.number].window
    window = whole.within(since, export.snapshot_at.replace(microsecond=0))
    difference = await _compare(running, window)
    if difference is None or difference.ours < difference.shopify:
        return difference
    while await _delete_unseen(running, window, export.snapshot_at):
        difference = None
    return difference or await _compare(running, window)


async def _compare(running: RunningEntity, window: Window) -> Difference | None:
    """None also when Shopify gives no exact number."""
    pull, entity = running.pull, running.entity
    difference = None
    for pause in _PAUSES_SECONDS:
        await asyncio.sleep(pause)
        shopify = await shop.count(pull.client, entity, window)
        ours = await _count_ours(pull, entity, window)
        if shopify is None or ours == shopify:
            return None
        difference = Difference(ours, shopify)
    log.warning("counts_differ", entity=entity, difference=difference)
    return difference


async def _count_ours(pull: PullContext, entity: Entity, window: Window) -> int:
    tenant_id = pull.claim.tenant_id
    async with transaction(pull.engine, tenants=[tenant_id]) as tx:
        return await repository.count_records(tx, tenant_id, entity, window)


async def _delete_unseen(running: RunningEntity, window: Window, snapshot_at: datetime) -> int:
    pull, entity = running.pull, running.entity
    tenant_id = pull.claim.tenant_id

    async def work(tx: Transaction) -> int:
        unseen = await repository.read_unseen(tx, tenant_id, entity, window, snapshot_at)
        deletions = [
            Observation(
                tenant_id=tenant_id,
                fact=Deletion(entity=entity, id=number),
                observed_at=snapshot_at,
                pulled=True,
            )
            for number in unseen
        ]
        versions = await apply_observations(tx, deletions)
        pull.progress.note_version(versions.get(tenant_id))
        return len(unseen)

    deleted = await pull.write(work)
    log.info("unseen_deleted", entity=entity, records=deleted)
    return deleted
