"""The first pull: everything the shop has, in the order customers, orders, products.

Shop facts first, then webhook subscriptions, then the exports: what changes after a snapshot
comes by webhook, so there is no gap. One entity's failure stops no other.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import msgspec

from libs.common.database.transaction import Transaction
from libs.common.errors import PermanentError, ReconnectRequiredError, ShopifyRequestError
from libs.common.logs import get_logger
from services.ingestor.facts import Entity
from services.ingestor.pulls import leases, repository
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.exports import EXPORTS_AT_MOST, Export, ExportTask, fetch_export
from services.ingestor.pulls.importing import import_export
from services.ingestor.pulls.state import (
    ENTITIES,
    Checkpoint,
    EntityProgress,
    PullError,
    PullState,
)
from services.ingestor.pulls.verification import settle_difference
from services.ingestor.shopify.errors import ExportFailedError
from services.ingestor.shopify.shop import ShopFacts, count, read_shop
from services.ingestor.shopify.subscriptions import ensure_subscriptions

HISTORY_WITHOUT_SCOPE = timedelta(days=60)
_MISMATCH_CODE = "PULL_COUNT_MISMATCH"
_MISMATCH = "Shopify counts another number of {entity} than arrived."

log = get_logger()


async def run_backfill(pull: PullContext) -> None:
    """Go on from wherever the pull is, to its end.

    Raises ReconnectRequiredError and other errors that concern the whole pull; TransientError
    when it is to be gone on with later.
    """
    entities = await pull.write(lambda tx: repository.begin(tx, pull.claim), say_now=True)
    shop = await read_shop(pull.client)
    await pull.write(lambda tx: repository.save_shop(tx, pull.claim.tenant_id, shop))
    errors = await _subscribe(pull)
    by_name = {each.entity: each for each in entities}
    open_entities = [by_name[name] for name in ENTITIES if by_name[name].state != "done"]
    await _expect(pull, open_entities)
    async with AsyncExitStack() as stack:
        exports = {
            each.entity: _begin_export(pull, each, stack)
            for each in open_entities
            if each.state != "failed"
        }
        for each in open_entities:
            if each.entity in exports:
                await _pull_entity(pull, each.entity, exports[each.entity], shop)
    await _finish(pull, errors)


async def _subscribe(pull: PullContext) -> list[PullError]:
    try:
        await ensure_subscriptions(pull.client, pull.webhooks_url)
    except ShopifyRequestError as error:
        # The history is worth having even where news of it will not come.
        log.warning("subscriptions_failed", code=error.code, context=error.context)
        return [PullError.of(error)]
    return []


async def _expect(pull: PullContext, entities: Sequence[EntityProgress]) -> None:
    """Put Shopify's counts beside ours, for those who watch; the export corrects them."""
    for each in entities:
        if each.checkpoint.size is not None or each.state == "failed":
            continue
        try:
            expected = await count(pull.client, each.entity)
        except ShopifyRequestError as error:
            log.warning("count_refused", entity=each.entity, reason=error.message)
            continue
        await pull.save(each.entity, each.state, each.checkpoint, expected=expected)


def _begin_export(pull: PullContext, each: EntityProgress, stack: AsyncExitStack) -> ExportTask:
    task = asyncio.create_task(fetch_export(pull, each.entity, each.checkpoint))

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    return task


async def _pull_entity(
    pull: PullContext, entity: Entity, exporting: ExportTask, shop: ShopFacts
) -> None:
    """To `done` or `failed`; only what concerns the whole pull is raised."""
    try:
        export = await exporting
        checkpoint = await _import_until_equal(pull, entity, export, shop)
    except ReconnectRequiredError:
        raise
    except (PermanentError, ExportFailedError) as error:
        log.warning("entity_failed", entity=entity, code=error.code, context=error.context)
        failed = Checkpoint(error=PullError.of(error, entity))
        await pull.save(entity, "failed", failed)
        return
    await pull.save(entity, "done", checkpoint)


async def _import_until_equal(
    pull: PullContext, entity: Entity, export: Export, shop: ShopFacts
) -> Checkpoint:
    since = None if shop.sees_all_orders else shop.observed_at - HISTORY_WITHOUT_SCOPE
    while True:
        checkpoint = await import_export(pull, entity, export)
        await _raise_watermark(pull, entity, export.snapshot_at)
        difference = await settle_difference(pull, entity, export.snapshot_at, since)
        if difference is None:
            return checkpoint
        if checkpoint.attempt >= EXPORTS_AT_MOST:
            return msgspec.structs.replace(checkpoint, mismatch=True)
        export.file.unlink()
        export = await fetch_export(pull, entity, checkpoint.renewed())


async def _raise_watermark(pull: PullContext, entity: Entity, moment: datetime) -> None:
    async def work(tx: Transaction) -> None:
        await repository.raise_watermark(tx, pull.claim.tenant_id, entity, moment)

    await pull.write(work)


async def _finish(pull: PullContext, errors: Sequence[PullError]) -> None:
    async def work(tx: Transaction) -> PullState:
        entities = await repository.read_entities(tx, pull.claim)
        found = [*errors, *(each.checkpoint.error for each in entities if each.checkpoint.error)]
        differing = [each.entity for each in entities if each.checkpoint.mismatch]
        state: PullState = "failed" if found else "mismatch" if differing else "succeeded"
        found += [
            PullError(entity, _MISMATCH_CODE, _MISMATCH.format(entity=entity))
            for entity in differing
        ]
        await repository.finish(tx, pull.claim, state, found)
        await leases.release(tx, pull.claim, due_in=None)
        return state

    state = await pull.write(work, say_now=True)
    log.info("backfill_finished", state=state)
