"""Applies a file batch by batch: while the database works on one, the next is decoded.

Each batch and its checkpoint are one transaction, so a successor neither skips nor repeats.
"""

import asyncio
from collections.abc import Iterator, Mapping
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.facts import Observation
from services.ingestor.pulls.exports import Export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.jsonl import read_joined
from services.ingestor.store.apply import apply_observations

_ROOTS_AT_MOST = 2_000
_LINES_AT_MOST = 8_000


async def import_export(running: RunningEntity, export: Export) -> None:
    """Apply what the checkpoint says is left of the export."""
    running.begin_import()
    batches = _batches(running, export)
    following = _next(batches)
    try:
        while (batch := await following) is not None:
            following = _next(batches)
            await _apply(running, export, batch)
    finally:
        # A thread cannot be cancelled, and it reads files that are about to go.
        await asyncio.wait({following})


def _next(batches: Iterator[list[Observation]]) -> asyncio.Future[list[Observation] | None]:
    return asyncio.get_running_loop().run_in_executor(None, next, batches, None)


async def _apply(running: RunningEntity, export: Export, batch: list[Observation]) -> None:
    async def work(tx: Transaction) -> Mapping[UUID, int]:
        return await apply_observations(tx, batch)

    versions = await running.apply(export.number, len(batch), work)
    running.pull.progress.note_version(versions.get(running.pull.claim.tenant_id))


def _batches(running: RunningEntity, export: Export) -> Iterator[list[Observation]]:
    batch: list[Observation] = []
    lines = 0
    tenant_id = running.pull.claim.tenant_id
    held = running.checkpoint.slices[export.number]
    parts = 1 if held.parts is None else held.parts
    for joined in read_joined(export.file, parts, skip=held.applied):
        fact = decode(running.entity, joined)
        batch.append(
            Observation(tenant_id=tenant_id, fact=fact, observed_at=export.snapshot_at, pulled=True)
        )
        lines += 1 + len(joined.children)
        if len(batch) >= _ROOTS_AT_MOST or lines >= _LINES_AT_MOST:
            yield batch
            batch, lines = [], 0
    if batch:
        yield batch
