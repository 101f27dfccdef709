"""Applies a file batch by batch: while the database works on one, the next is decoded.

Each batch and its checkpoint are one transaction, so a successor neither skips nor repeats.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.facts import Observation
from services.ingestor.pulls.exports import Export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.jsonl import Joined, joined_parts
from services.ingestor.store.apply import apply_observations

_ROOTS_AT_MOST = 2_000
_LINES_AT_MOST = 8_000
_ROOTS_BETWEEN_PAUSES = 10
"""Half a millisecond."""


async def import_export(running: RunningEntity, export: Export) -> None:
    """Apply what the checkpoint says is left of the export."""
    running.begin_import()
    batches = _batches(running, export)
    following = asyncio.create_task(_next(batches))
    try:
        while (batch := await following) is not None:
            following = asyncio.create_task(_next(batches))
            await _apply(running, export, batch)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await batches.aclose()


async def _next(batches: AsyncGenerator[list[Observation]]) -> list[Observation] | None:
    return await anext(batches, None)


async def _apply(running: RunningEntity, export: Export, batch: list[Observation]) -> None:
    async def work(tx: Transaction) -> Mapping[UUID, int]:
        return await apply_observations(tx, batch)

    versions = await running.apply(export.number, len(batch), work)
    running.pull.progress.note_version(versions.get(running.pull.claim.tenant_id))


async def _batches(running: RunningEntity, export: Export) -> AsyncGenerator[list[Observation]]:
    """Decoded here and not in a thread, which would keep the interpreter from those who give
    PostgreSQL its work: here they go on after a few records.
    """
    batch: list[Observation] = []
    lines = 0
    tenant_id = running.pull.claim.tenant_id
    held = running.checkpoint.slices[export.number]
    parts = joined_parts(export.file, 1 if held.parts is None else held.parts, skip=held.applied)
    while part := await _read(parts):
        for place, joined in enumerate(part):
            fact = decode(running.entity, joined)
            seen = export.snapshot_at
            batch.append(Observation(tenant_id=tenant_id, fact=fact, observed_at=seen, pulled=True))
            lines += 1 + len(joined.children)
            if len(batch) >= _ROOTS_AT_MOST or lines >= _LINES_AT_MOST:
                yield batch
                batch, lines = [], 0
            if not place % _ROOTS_BETWEEN_PAUSES:
                await asyncio.sleep(0)
        # Or two parts would be in memory.
        del part, joined
    if batch:
        yield batch


async def _read(parts: Iterator[Sequence[Joined]]) -> Sequence[Joined] | None:
    reading = asyncio.get_running_loop().run_in_executor(None, next, parts, None)
    try:
        return await asyncio.shield(reading)
    finally:
        # A thread cannot be cancelled, and it reads files that are about to go.
        await asyncio.wait({reading})
