"""Gets the files of an entity from Shopify, going on with exports that a predecessor started."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from libs.common.database.transaction import transaction
from libs.common.errors import ShopifyUnavailableError
from libs.common.logs import get_logger
from services.ingestor.facts import Entity
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls import repository
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.state import Checkpoint, Slice
from services.ingestor.shopify import bulk, queries
from services.ingestor.shopify.bulk import BulkOperation
from services.ingestor.shopify.errors import (
    ExportBrokenOffError,
    ExportFailedError,
    ExportRefusedError,
)
from services.ingestor.shopify.jsonl import AS_IT_STANDS, parts_for

EXPORTS_AT_MOST = 3
_BUSY_PAUSE_SECONDS = 5
_BUSY_TRIES = 120

log = get_logger()


@dataclass(frozen=True, slots=True)
class Export:
    """A file on our disk: slice `number`, as it was at `snapshot_at` by Shopify's clock.

    One that is not `whole` is what came of an export that Shopify broke off. `failure` is why no
    other follows it.
    """

    number: int
    file: Path
    snapshot_at: datetime
    whole: bool = True
    failure: ExportFailedError | None = None


class Exporting(Protocol):
    """Whom an export is for: one entity, or several that have one export together."""

    @property
    def pull(self) -> PullContext: ...

    @property
    def entities(self) -> tuple[Entity, ...]: ...

    @property
    def checkpoint(self) -> Checkpoint: ...

    async def save_slice(self, number: int, **changes: object) -> Slice: ...

    async def renew(self, number: int) -> Slice: ...


ExportTask: TypeAlias = asyncio.Task[Export]


async def fetch_export(running: Exporting, number: int) -> Export:
    """The slice's file, with as many lines as Shopify counted objects.

    An export that failed, expired or came short is started again; raises the last
    ExportFailedError once three did. Of one that was broken off comes what there is, with its
    `failure` when it was the third; else call again for the whole, on which Shopify works already.
    """
    while True:
        held = running.checkpoint.slices[number]
        try:
            return await _fetch(running, number, held)
        except ExportFailedError as error:
            log.warning(
                "export_failed",
                entities=running.entities,
                slice=number,
                code=error.code,
                attempt=held.attempt,
            )
            last = held.attempt >= EXPORTS_AT_MOST
            if not last:
                await running.renew(number)
            if isinstance(error, ExportBrokenOffError) and not _is_further(running):
                # Nothing of a further entity shows that it is whole.
                part = await _fetch_part(running, number, error, last=last)
                if part is not None:
                    return part
            if last:
                raise


async def _fetch_part(
    running: Exporting, number: int, broken: ExportBrokenOffError, *, last: bool
) -> Export | None:
    """None when it cannot be had. The next export, if any is to follow, starts before the download
    where a place is free; else `fetch_export` starts it afterwards.
    """
    pull, held = running.pull, running.checkpoint.slices[number]
    if not last:
        await _start_if_free(running, number, held)
    file = pull.folder / f"{'+'.join(running.entities)}.{number}.{held.attempt}.part.jsonl"
    try:
        await bulk.download_part(pull.client.http, broken.url, file)
    except (ExportFailedError, ShopifyUnavailableError) as error:
        log.warning("part_not_fetched", entities=running.entities, slice=number, code=error.code)
        return None
    return Export(number, file, broken.snapshot_at, whole=False, failure=broken if last else None)


async def _fetch(running: Exporting, number: int, held: Slice) -> Export:
    async with _turn(running):
        operation = await _run(running, number, held)
    file = running.pull.folder / f"{'+'.join(running.entities)}.{number}.{held.attempt}.jsonl"
    await bulk.download(running.pull.client.http, operation, file)
    size = file.stat().st_size
    found = {"snapshot_at": operation.created_at, "expected": operation.root_object_count}
    if held.parts is None or held.size != size:
        # Not the file that was begun with: its order may differ, so all of it is applied again.
        joined = queries.has_children(running.entities[0])
        parts = parts_for(size) if joined else AS_IT_STANDS
        found |= {"size": size, "parts": parts, "applied": 0}
    await running.save_slice(number, **found)
    log.info(
        "export_fetched",
        entities=running.entities,
        slice=number,
        objects=operation.object_count,
        bytes=size,
    )
    return Export(number, file, operation.created_at)


def _is_further(running: Exporting) -> bool:
    return running.entities[0] in KINDS


@asynccontextmanager
async def _turn(running: Exporting) -> AsyncIterator[None]:
    pull = running.pull
    async with AsyncExitStack() as stack:
        if _is_further(running):
            await stack.enter_async_context(pull.further_turns)
        await stack.enter_async_context(pull.export_turns)
        yield


async def _run(running: Exporting, number: int, held: Slice) -> BulkOperation:
    operation_id = held.operation_id
    if operation_id is None:
        async with running.pull.export_starts:
            operation_id = await _start(running, held)
        await running.save_slice(number, operation_id=operation_id)
    ends = running.pull.export_ends
    return await bulk.wait_until_done(
        running.pull.client,
        operation_id,
        ends.of(running.pull.claim.tenant_id, operation_id),
        first_pause_seconds=ends.first_pause_seconds,
    )


async def _start_if_free(running: Exporting, number: int, held: Slice) -> None:
    """What an export brought must not wait for a place that another export may hold for an hour."""
    pull = running.pull
    if pull.export_turns.locked():
        return
    async with pull.export_turns:
        query = queries.bulk_query(running.entities, held.window.search())
        try:
            operation_id = await bulk.start(pull.client, query)
        except ExportRefusedError:
            return
    await running.save_slice(number, operation_id=operation_id)


async def _start(running: Exporting, held: Slice) -> str:
    query = queries.bulk_query(running.entities, held.window.search())
    for attempt in range(_BUSY_TRIES):
        try:
            return await bulk.start(running.pull.client, query)
        except ExportRefusedError:
            if not attempt:
                await _cancel_abandoned(running.pull)
            await asyncio.sleep(_BUSY_PAUSE_SECONDS)
    return await bulk.start(running.pull.client, query)


async def _cancel_abandoned(pull: PullContext) -> None:
    """What pulls that ended before their time left running at Shopify, for up to ten days."""
    claim = pull.claim
    async with transaction(pull.engine, tenants=[claim.tenant_id]) as tx:
        abandoned = await repository.read_abandoned(tx, claim)
    for operation_id in abandoned:
        await bulk.cancel(pull.client, operation_id)
    log.info("abandoned_exports_cancelled", exports=len(abandoned))
