"""Applies a file batch by batch: while the database works on one, the next is decoded.

Each batch and its checkpoint are one transaction, so a successor neither skips nor repeats.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from services.ingestor.facts import Observation
from services.ingestor.pulls.exports import Export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.jsonl import Joined, joined_parts
from services.ingestor.store.apply import apply_observations
from services.ingestor.unreadable import count_unreadable

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


@dataclass(slots=True)
class _Batch:
    """`roots` were read, and had no readable value in the fields that are counted."""

    observations: list[Observation] = field(default_factory=list)
    unreadable: Counter[str] = field(default_factory=Counter)
    roots: int = 0
    lines: int = 0


async def _next(batches: AsyncGenerator[_Batch]) -> _Batch | None:
    return await anext(batches, None)


async def _apply(running: RunningEntity, export: Export, batch: _Batch) -> None:
    tenant_id = running.pull.claim.tenant_id

    async def work(tx: Transaction) -> Mapping[UUID, int]:
        versions = await apply_observations(tx, batch.observations)
        await count_unreadable(tx, {(tenant_id, running.entity): batch.unreadable}, utc_now())
        return versions

    versions = await running.apply(export.number, batch.roots, work)
    running.pull.progress.note_version(versions.get(tenant_id))


async def _batches(running: RunningEntity, export: Export) -> AsyncGenerator[_Batch]:
    """Decoded here and not in a thread, which would keep the interpreter from those who give
    PostgreSQL its work: here they go on after a few records.
    """
    batch = _Batch()
    tenant_id = running.pull.claim.tenant_id
    held = running.checkpoint.slices[export.number]
    parts = joined_parts(export.file, 1 if held.parts is None else held.parts, skip=held.applied)
    while part := await _read(parts):
        for place, joined in enumerate(part):
            seen = export.snapshot_at
            fact = decode(running.entity, joined, seen, batch.unreadable)
            if fact is not None:
                batch.observations.append(
                    Observation(tenant_id=tenant_id, fact=fact, observed_at=seen, pulled=True)
                )
            batch.roots += 1
            batch.lines += 1 + len(joined.children)
            if batch.roots >= _ROOTS_AT_MOST or batch.lines >= _LINES_AT_MOST:
                yield batch
                batch = _Batch()
            if not place % _ROOTS_BETWEEN_PAUSES:
                await asyncio.sleep(0)
        # Or two parts would be in memory.
        del part, joined
    if batch.roots:
        yield batch


async def _read(parts: Iterator[Sequence[Joined]]) -> Sequence[Joined] | None:
    reading = asyncio.get_running_loop().run_in_executor(None, next, parts, None)
    try:
        return await asyncio.shield(reading)
    finally:
        # A thread cannot be cancelled, and it reads files that are about to go.
        await asyncio.wait({reading})
