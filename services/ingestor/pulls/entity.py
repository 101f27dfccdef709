"""The exports of one entity, from their start at Shopify to the last record applied."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.common.errors import PermanentError, ReconnectRequiredError
from libs.common.logs import get_logger
from services.ingestor.pulls.exports import EXPORTS_AT_MOST, Export, ExportTask, fetch_export
from services.ingestor.pulls.importing import import_export
from services.ingestor.pulls.parts import import_part
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.pulls.state import PullError
from services.ingestor.pulls.verification import settle_export
from services.ingestor.shopify.errors import ExportFailedError

log = get_logger()


@asynccontextmanager
async def begin_exports(running: RunningEntity) -> AsyncIterator[Mapping[int, ExportTask]]:
    """Have Shopify work on every slice that is not done; ended with the block."""
    tasks = {
        number: asyncio.create_task(fetch_export(running, number))
        for number, held in enumerate(running.checkpoint.slices)
        if not held.done
    }
    try:
        yield tasks
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def import_slices(
    running: RunningEntity, exporting: Mapping[int, ExportTask]
) -> PullError | None:
    """Apply the exports in their order; returns the first failure.

    A slice that fails stops no other: what can be had comes in. Only what concerns the whole
    pull is raised.
    """
    failure: PullError | None = None
    for number, task in exporting.items():
        try:
            await _import_until_equal(running, await task)
        except ReconnectRequiredError:
            raise
        except (PermanentError, ExportFailedError) as error:
            log.warning(
                "slice_failed",
                entity=running.entity,
                slice=number,
                code=error.code,
                context=error.context,
            )
            failure = failure or PullError.of(error, running.entity)
    return failure


async def _whole(running: RunningEntity, export: Export) -> Export:
    """The whole export, after what came of those that were broken off is applied.

    Raises ExportFailedError when the last one was broken off too.
    """
    while not export.whole:
        await import_part(running, export)
        export.file.unlink()
        if export.failure is not None:
            raise export.failure
        export = await fetch_export(running, export.number)
    return export


async def _import_until_equal(running: RunningEntity, export: Export) -> None:
    number = export.number
    while True:
        export = await _whole(running, export)
        await import_export(running, export)
        export.file.unlink()
        equal = await settle_export(running, export)
        if equal or running.checkpoint.slices[number].attempt >= EXPORTS_AT_MOST:
            break
        await running.renew(number)
        export = await fetch_export(running, number)
    await running.save_slice(number, done=True)
    if not equal:
        await running.note_mismatch()
