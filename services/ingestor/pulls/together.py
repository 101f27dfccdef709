"""One export for further entities that the same nodes tell of: Shopify lists them once for all.

Shared are the operation and its file. Each entity applies the file for itself, from a checkpoint of
its own, and keeps its own state, watermark and proof.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import groupby

from libs.common.errors import ReconnectRequiredError, ShopifyRequestError
from libs.common.logs import get_logger
from services.ingestor.facts import Entity
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls.exports import Export, ExportTask, fetch_export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.pulls.state import Checkpoint, Slice

_FIRST = 0
"""The only slice of a further entity that nothing was done for yet."""

log = get_logger()


class Together:
    """Entities of which one export tells. What becomes of it is written down for each."""

    def __init__(self, members: Sequence[RunningEntity]) -> None:
        self._members = members
        self.pull = members[0].pull
        self.entities: tuple[Entity, ...] = tuple(each.entity for each in members)

    @property
    def checkpoint(self) -> Checkpoint:
        return self._members[0].checkpoint

    async def save_slice(self, number: int, **changes: object) -> Slice:
        for each in self._members:
            await each.save_slice(number, **changes)
        return self.checkpoint.slices[number]

    async def renew(self, number: int) -> Slice:
        for each in self._members:
            await each.renew(number)
        return self.checkpoint.slices[number]


def sharing(left: Sequence[RunningEntity]) -> list[list[RunningEntity]]:
    """Those who can have one export, by twos and more.

    Not who has an export already: a successor goes on with it, alone.
    """
    new = [each for each in left if each.checkpoint.slices == (Slice(),)]

    def listed_by(running: RunningEntity) -> tuple[str, ...]:
        return KINDS[running.entity].listed_by

    groups = [list(group) for _, group in groupby(sorted(new, key=listed_by), listed_by)]
    return [group for group in groups if len(group) > 1]


@asynccontextmanager
async def begin_shared_export(
    members: Sequence[RunningEntity],
) -> AsyncIterator[Mapping[Entity, Mapping[int, ExportTask]]]:
    """Have Shopify work on the export of all `members`; ended with the block."""
    shared = asyncio.create_task(_fetch_for_all(members))
    tasks = {each.entity: asyncio.create_task(_own(each, shared)) for each in members}
    try:
        yield {entity: {_FIRST: task} for entity, task in tasks.items()}
    finally:
        for task in (shared, *tasks.values()):
            task.cancel()
        await asyncio.gather(shared, *tasks.values(), return_exceptions=True)


async def _fetch_for_all(members: Sequence[RunningEntity]) -> Mapping[Entity, Export]:
    """The export of each: another name of the same file, which it may remove."""
    export = await fetch_export(Together(members), _FIRST)
    found = {}
    for each in members:
        name = export.file.with_name(f"{each.entity}.{export.file.name}")
        name.hardlink_to(export.file)
        found[each.entity] = replace(export, file=name)
    export.file.unlink()
    return found


async def _own(running: RunningEntity, shared: asyncio.Task[Mapping[Entity, Export]]) -> Export:
    """One entity's share. Where Shopify refuses what is asked for together, it is asked alone."""
    try:
        return (await asyncio.shield(shared))[running.entity]
    except ReconnectRequiredError:
        raise
    except ShopifyRequestError as error:
        log.warning("shared_export_refused", entity=running.entity, code=error.code)
        await running.renew(_FIRST)
        return await fetch_export(running, _FIRST)
