"""Applies a file batch by batch: while the database works on one, the next is decoded.

Each batch and its checkpoint are one transaction, so a successor neither skips nor repeats.
"""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import msgspec

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from services.ingestor.facts import Entity, Observation
from services.ingestor.pulls import repository
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.exports import Export
from services.ingestor.pulls.pace import with_mark
from services.ingestor.pulls.state import Checkpoint
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.jsonl import read_joined
from services.ingestor.store.apply import apply_observations

_ROOTS_AT_MOST = 2_000
_LINES_AT_MOST = 8_000


async def import_export(pull: PullContext, entity: Entity, export: Export) -> Checkpoint:
    """Apply what the checkpoint says is left; returns the last checkpoint."""
    checkpoint = _marked(export.checkpoint, export.checkpoint.applied)
    batches = _batches(export, pull.claim.tenant_id)
    following = _next(batches)
    try:
        while (batch := await following) is not None:
            following = _next(batches)
            checkpoint = await _apply(pull, entity, batch, checkpoint)
    finally:
        # A thread cannot be cancelled, and it reads files that are about to go.
        await asyncio.wait({following})
    return checkpoint


def _next(batches: Iterator[list[Observation]]) -> asyncio.Future[list[Observation] | None]:
    return asyncio.get_running_loop().run_in_executor(None, next, batches, None)


async def _apply(
    pull: PullContext, entity: Entity, batch: list[Observation], before: Checkpoint
) -> Checkpoint:
    after = _marked(before, before.applied + len(batch))

    async def work(tx: Transaction) -> int | None:
        versions = await apply_observations(tx, batch)
        await repository.save_progress(tx, pull.claim, entity, "importing", after)
        return versions.get(pull.claim.tenant_id)

    version = await pull.write(work)
    pull.progress.note_version(version)
    return after


def _marked(checkpoint: Checkpoint, applied: int) -> Checkpoint:
    marks = with_mark(checkpoint.marks, utc_now(), applied)
    return msgspec.structs.replace(checkpoint, applied=applied, marks=marks)


def _batches(export: Export, tenant_id: UUID) -> Iterator[list[Observation]]:
    batch: list[Observation] = []
    lines = 0
    checkpoint = export.checkpoint
    for joined in read_joined(export.file, checkpoint.parts or 1, skip=checkpoint.applied):
        fact = decode(joined)
        batch.append(
            Observation(tenant_id=tenant_id, fact=fact, observed_at=export.snapshot_at, pulled=True)
        )
        lines += 1 + len(joined.children)
        if len(batch) >= _ROOTS_AT_MOST or lines >= _LINES_AT_MOST:
            yield batch
            batch, lines = [], 0
    if batch:
        yield batch
