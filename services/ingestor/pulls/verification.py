"""Compares what we have with what Shopify says it has, over windows that are closed."""

import asyncio
from typing import NamedTuple

from libs.common.database.transaction import Transaction, transaction
from libs.common.logs import get_logger
from services.ingestor.facts import Deletion, Observation
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls import repository
from services.ingestor.pulls.exports import Export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify import shop
from services.ingestor.shopify.windows import Window
from services.ingestor.store import kinds
from services.ingestor.store.apply import apply_observations

_PAUSES_SECONDS = (0.0, 0.5, 2.0)
"""Before each look: a deletion since the snapshot may still be on its way to us."""

log = get_logger()


class Counts(NamedTuple):
    """Of one window; records, test orders included, that are not deleted."""

    ours: int
    shopify: int

    @property
    def drift(self) -> int:
        """How many we have too much; negative when some are missing here."""
        return self.ours - self.shopify


async def settle_export(running: RunningEntity, export: Export) -> bool:
    """Compare the export's window after all of it was applied; whether both have equal numbers.

    Records that we have and the snapshot does not were deleted while nobody told us: they are
    deleted here too. Counted is what was created before the second of the snapshot.
    """
    if running.entity in KINDS:
        await _settle_whole(running, export)
        return True
    whole = running.checkpoint.slices[export.number].window
    window = whole.within(running.compared_since, export.snapshot_at.replace(microsecond=0))
    counts = await look(running, window)
    if counts is not None and counts.drift < 0:
        counts = await compare(running, window)
        if counts is not None and counts.drift < 0:
            # A snapshot that is short must not take away what it left out.
            return False
    while await _delete_unseen(running, window, export):
        continue
    counts = await compare(running, window)
    return counts is None or not counts.drift


async def _settle_whole(running: RunningEntity, export: Export) -> None:
    """Of a further entity all is in one export; where Shopify counts it, `prove` compares."""
    if running.compared_since is not None:
        # Older rows are not shown to us any more, which does not mean that they went.
        return
    tenant_id = running.pull.claim.tenant_id
    version = await running.pull.write(
        lambda tx: kinds.delete_unseen(tx, tenant_id, running.entity, export.snapshot_at)
    )
    running.pull.progress.note_version(version)


async def compare(running: RunningEntity, window: Window) -> Counts | None:
    """Both numbers, looked at again while they differ; None when Shopify's is not exact."""
    counts = None
    for pause in _PAUSES_SECONDS:
        await asyncio.sleep(pause)
        counts = await look(running, window)
        if counts is None or not counts.drift:
            return counts
    log.warning("counts_differ", entity=running.entity, counts=counts)
    return counts


async def look(running: RunningEntity, window: Window) -> Counts | None:
    pull, entity = running.pull, running.entity
    shopify = await shop.count(pull.client, entity, window)
    if shopify is None:
        return None
    tenant_id = pull.claim.tenant_id
    async with transaction(pull.engine, tenants=[tenant_id]) as tx:
        ours = await repository.count_records(tx, tenant_id, entity, window)
    return Counts(ours, shopify)


async def _delete_unseen(running: RunningEntity, window: Window, export: Export) -> int:
    pull, entity = running.pull, running.entity
    tenant_id, snapshot_at = pull.claim.tenant_id, export.snapshot_at

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
    if deleted:
        log.info("unseen_deleted", entity=entity, records=deleted)
    return deleted
