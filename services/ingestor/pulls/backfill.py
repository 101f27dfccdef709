"""The first pull: everything the shop has, in the order customers, orders, products.

Shop facts first, then webhook subscriptions, then the exports: what changes after a snapshot
comes by webhook, so there is no gap. One entity's failure stops no other.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from libs.common.database.transaction import Transaction
from libs.common.errors import PermanentError, ReconnectRequiredError, ShopifyRequestError
from libs.common.logs import get_logger
from services.ingestor.pulls import leases, repository
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.exports import EXPORTS_AT_MOST, Export, ExportTask, fetch_export
from services.ingestor.pulls.importing import import_export
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.pulls.slices import plan_slices
from services.ingestor.pulls.state import ENTITIES, PullError, PullState, Slice
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
    by_name = {each.entity: RunningEntity(pull, each) for each in entities}
    left = [by_name[name] for name in ENTITIES if by_name[name].state not in ("done", "failed")]
    for running in left:
        await _plan(running)
    async with AsyncExitStack() as stack:
        exporting = {running.entity: _begin_exports(running, stack) for running in left}
        for running in left:
            await _pull_entity(running, exporting[running.entity], shop)
    await _finish(pull, errors)


async def _subscribe(pull: PullContext) -> list[PullError]:
    try:
        await ensure_subscriptions(pull.client, pull.webhooks_url)
    except ShopifyRequestError as error:
        # The history is worth having even where news of it will not come.
        log.warning("subscriptions_failed", code=error.code, context=error.context)
        return [PullError.of(error)]
    return []


async def _plan(running: RunningEntity) -> None:
    """Cut the entity into exports, and put Shopify's count beside ours for those who watch."""
    if running.checkpoint.slices:
        return
    client, entity = running.pull.client, running.entity
    records = None
    try:
        records = await count(client, entity)
        slices = await plan_slices(client, entity, records)
    except ShopifyRequestError as error:
        # The export itself will tell what is refused.
        log.warning("count_refused", entity=entity, reason=error.message)
        slices = (Slice(),)
    await running.plan(slices, records)


def _begin_exports(running: RunningEntity, stack: AsyncExitStack) -> dict[int, ExportTask]:
    tasks = {
        number: asyncio.create_task(fetch_export(running, number))
        for number, held in enumerate(running.checkpoint.slices)
        if not held.done
    }

    async def end() -> None:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    stack.push_async_callback(end)
    return tasks


async def _pull_entity(
    running: RunningEntity, exporting: Mapping[int, ExportTask], shop: ShopFacts
) -> None:
    """To `done` or `failed`; only what concerns the whole pull is raised.

    A slice that fails stops no other: what can be had comes in.
    """
    failure: PullError | None = None
    for number, task in exporting.items():
        try:
            await _import_until_equal(running, await task, shop)
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
    if failure is None:
        await _raise_watermark(running)
    await running.finish(failure)


async def _import_until_equal(running: RunningEntity, export: Export, shop: ShopFacts) -> None:
    history_since = None if shop.sees_all_orders else shop.observed_at - HISTORY_WITHOUT_SCOPE
    number = export.number
    while True:
        await import_export(running, export)
        export.file.unlink()
        difference = await settle_difference(running, export, history_since)
        held = running.checkpoint.slices[number]
        if difference is None or held.attempt >= EXPORTS_AT_MOST:
            await running.save_slice(number, done=True, mismatch=difference is not None)
            return
        await running.renew(number)
        export = await fetch_export(running, number)


async def _raise_watermark(running: RunningEntity) -> None:
    """All that changed before the oldest of the snapshots has been read."""
    moment = min(filter(None, (each.snapshot_at for each in running.checkpoint.slices)))

    async def work(tx: Transaction) -> None:
        tenant_id = running.pull.claim.tenant_id
        await repository.raise_watermark(tx, tenant_id, running.entity, moment)

    await running.pull.write(work)


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
