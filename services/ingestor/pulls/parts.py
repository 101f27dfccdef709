"""Applies what came of an export that Shopify broke off, so that it is seen before the next ends.

Its lines have no order, so what belongs to a record may be missing. Added is only what we do not
have and what shows that it is whole; nothing that we have is changed. The checkpoint knows nothing
of it: the next export is applied from its first record, counted and compared, as any other. So is
the last one that was broken off, after which the entity has failed.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias, TypeGuard
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.logs import get_logger
from libs.common.money import exact_sum
from services.ingestor.facts import Customer, Entity, Fact, Observation, Order
from services.ingestor.pulls import repository
from services.ingestor.pulls.exports import Export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.jsonl import parts_for, read_joined
from services.ingestor.store.apply import apply_observations

_AT_ONCE = 1_000

_Added: TypeAlias = Customer | Order

log = get_logger()


async def import_part(running: RunningEntity, export: Export) -> None:
    """What cannot be read is left to the next export. Applying it again changes nothing."""
    facts = _facts_of(running.entity, export)
    added = 0
    try:
        while batch := await _next(facts):
            added += await _add(running, export, batch)
    except AnswerUnreadableError as error:
        log.warning("part_unreadable", entity=running.entity, code=error.code)
    log.info("part_applied", entity=running.entity, slice=export.number, records=added)


async def _next(facts: Iterator[_Added]) -> list[_Added]:
    batch = asyncio.create_task(asyncio.to_thread(lambda: list(islice(facts, _AT_ONCE))))
    try:
        return await asyncio.shield(batch)
    finally:
        # A thread cannot be cancelled, and it reads files that are about to go.
        await asyncio.wait({batch})


async def _add(running: RunningEntity, export: Export, batch: list[_Added]) -> int:
    tenant_id, entity = running.pull.claim.tenant_id, running.entity

    async def work(tx: Transaction) -> tuple[int, Mapping[UUID, int]]:
        known = await repository.read_known(tx, tenant_id, entity, [each.id for each in batch])
        new = [
            Observation(tenant_id=tenant_id, fact=fact, observed_at=export.snapshot_at, pulled=True)
            for fact in batch
            if fact.id not in known
        ]
        return len(new), await apply_observations(tx, new)

    added, versions = await running.pull.write(work)
    running.pull.progress.note_version(versions.get(tenant_id))
    return added


def _facts_of(entity: Entity, export: Export) -> Iterator[_Added]:
    size = export.file.stat().st_size
    for joined in read_joined(export.file, parts_for(size), whole=False):
        # What is odd in it is counted when the whole export is applied.
        odd: Counter[str] = Counter()
        fact = decode(entity, joined, export.snapshot_at, odd)
        if fact is not None and not odd and is_whole(fact):
            yield fact


def is_whole(fact: Fact) -> TypeGuard[_Added]:
    """Whether nothing can be missing: a customer has one line, and an order's lines make up its
    subtotal. What a product has below it does not show in the product.
    """
    match fact:
        case Customer():
            return True
        case Order() if fact.lines:
            return exact_sum(line.total - line.discounts for line in fact.lines) == fact.subtotal
        case _:
            return False
