"""Gets an entity's file from Shopify, going on with the export that a predecessor started."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import msgspec

from libs.common.logs import get_logger
from services.ingestor.facts import Entity
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.state import Checkpoint
from services.ingestor.shopify import bulk, queries
from services.ingestor.shopify.errors import ExportFailedError, ExportRefusedError
from services.ingestor.shopify.jsonl import parts_for

EXPORTS_AT_MOST = 3
_BUSY_PAUSE_SECONDS = 5
_BUSY_TRIES = 120

log = get_logger()


@dataclass(frozen=True, slots=True)
class Export:
    """A whole file on our disk. `snapshot_at` is the moment, by Shopify's clock, that it shows."""

    file: Path
    snapshot_at: datetime
    checkpoint: Checkpoint


ExportTask: TypeAlias = asyncio.Task[Export]


async def fetch_export(pull: PullContext, entity: Entity, checkpoint: Checkpoint) -> Export:
    """The entity's file, with as many lines as Shopify counted objects.

    An export that failed, expired or came short is started again; raises the last
    ExportFailedError once three did.
    """
    while True:
        try:
            return await _fetch(pull, entity, checkpoint)
        except ExportFailedError as error:
            log.warning("export_failed", entity=entity, code=error.code, attempt=checkpoint.attempt)
            if checkpoint.attempt >= EXPORTS_AT_MOST:
                raise
            checkpoint = checkpoint.renewed()


async def _fetch(pull: PullContext, entity: Entity, checkpoint: Checkpoint) -> Export:
    if checkpoint.operation_id is None:
        operation_id = await _start(pull, entity)
        checkpoint = msgspec.structs.replace(checkpoint, operation_id=operation_id)
        await pull.save(entity, "exporting", checkpoint)
    else:
        operation_id = checkpoint.operation_id
    operation = await bulk.wait_until_done(pull.client, operation_id)
    file = pull.folder / f"{entity}.{checkpoint.attempt}.jsonl"
    await bulk.download(pull.client.http, operation, file)
    size = file.stat().st_size
    if checkpoint.parts is None or checkpoint.size != size:
        # Not the file that was begun with: its order may differ, so all of it is applied again.
        checkpoint = msgspec.structs.replace(
            checkpoint, size=size, parts=parts_for(size), applied=0, marks=()
        )
    await pull.save(entity, "exporting", checkpoint, expected=operation.root_object_count)
    log.info("export_fetched", entity=entity, objects=operation.object_count, bytes=size)
    return Export(file, operation.created_at, checkpoint)


async def _start(pull: PullContext, entity: Entity) -> str:
    for _ in range(_BUSY_TRIES):
        try:
            return await bulk.start(pull.client, queries.BULK[entity])
        except ExportRefusedError:
            await asyncio.sleep(_BUSY_PAUSE_SECONDS)
    return await bulk.start(pull.client, queries.BULK[entity])
