"""One pull from wherever it is to its end: the first one, whole; or the scheduled one.

Shop facts first, then webhook subscriptions, then the data: what changes after a snapshot comes
by webhook, so there is no gap. Fetched side by side, the further entities where sales leave one of
Shopify's five operations free; applied in the order customers, orders, products, then the rest, so
that sales never wait for it. One entity's failure stops no other.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from libs.common.database.transaction import Transaction
from libs.common.errors import PermanentError, ReconnectRequiredError, ShopifyRequestError
from libs.common.logs import get_logger
from services.ingestor.facts import Entity
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls import leases, repository
from services.ingestor.pulls.changes import pull_changes, read_from
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.entity import begin_exports, import_slices
from services.ingestor.pulls.exports import ExportTask
from services.ingestor.pulls.proof import BEGINNING, keep_proof, prove
from services.ingestor.pulls.repository import PullPlan
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.pulls.shop_facts import ShopChange, save_shop, tell_of_version
from services.ingestor.pulls.slices import plan_slices
from services.ingestor.pulls.state import ENTITIES, PullError, PullState, Slice
from services.ingestor.pulls.together import begin_shared_export, sharing
from services.ingestor.shopify.shop import ShopFacts, count, read_shop
from services.ingestor.shopify.subscriptions import ensure_subscriptions

_SURE_HISTORY = timedelta(days=59)
"""Without the scope for all orders. Shopify shows sixty days, which move on while a pull runs: an
order that they leave behind meanwhile would look like a deleted one."""

_AFTER_FAILED_SWEEP = timedelta(hours=6)
"""A whole pull that did not succeed is not begun again with every turn."""

_MISMATCH_CODE = "PULL_COUNT_MISMATCH"
_MISMATCH = "Shopify counts another number of {entity} than arrived."

log = get_logger()


async def run_pull(pull: PullContext) -> None:
    """Go on from wherever the pull is, to its end.

    Raises ReconnectRequiredError and other errors that concern the whole pull; TransientError
    when it is to be gone on with later.
    """
    plan = await pull.write(lambda tx: repository.begin(tx, pull.claim), say_now=True)
    shop = await read_shop(pull.client)
    plan = await _keep_shop(pull, plan, shop)
    errors = await _subscribe(pull, shop)
    sales = _left(pull, plan, shop, ENTITIES)
    for running in sales:
        await _plan(running, plan)
    planned = [each.checkpoint for each in plan.entities] + [each.checkpoint for each in sales]
    async with AsyncExitStack() as stack:
        if any(len(checkpoint.slices) > 1 for checkpoint in planned):
            await stack.enter_async_context(pull.large_turns)
        exporting = await stack.enter_async_context(_exports(sales))
        if plan.troubled:
            # It may have come from the further entities, and must not keep the sales out again.
            await _pull_entities(sales, exporting, plan, shop)
            sales = []
        further = [
            running
            for running in _left(pull, plan, shop, tuple(KINDS))
            if not await _skip(running, shop)
        ]
        for running in further:
            await _plan(running, plan)
        exporting |= await stack.enter_async_context(_exports(further, sharing(further)))
        await _pull_entities([*sales, *further], exporting, plan, shop)
    await _finish(pull, plan, errors)


@asynccontextmanager
async def _exports(
    left: Sequence[RunningEntity], together: Sequence[Sequence[RunningEntity]] = ()
) -> AsyncIterator[dict[Entity, Mapping[int, ExportTask]]]:
    """Have Shopify work on all that is left to export; ended with the block."""
    exporting: dict[Entity, Mapping[int, ExportTask]] = {}
    async with AsyncExitStack() as stack:
        for members in together:
            exporting |= await stack.enter_async_context(begin_shared_export(members))
        for running in left:
            if running.entity not in exporting:
                began = await stack.enter_async_context(begin_exports(running))
                exporting[running.entity] = began
        yield exporting


async def _skip(running: RunningEntity, shop: ShopFacts) -> bool:
    if KINDS[running.entity].is_granted(shop.scopes):
        return False
    await running.skip()
    return True


async def _keep_shop(pull: PullContext, plan: PullPlan, shop: ShopFacts) -> PullPlan:
    """Write the shop's facts; do what a change of them asks for."""
    tenant_id = pull.claim.tenant_id

    async def work(tx: Transaction) -> ShopChange:
        changed = await save_shop(tx, tenant_id, shop, with_history=True)
        pull.progress.note_version(changed.version)
        if changed.sees_more and plan.scope == "changes":
            # Orders that Shopify did not show us before have no change that a page would tell.
            await repository.widen(tx, pull.claim)
        return changed

    changed = await pull.write(work)
    tell_of_version(changed, shop, pull.client.asked_version)
    return plan._replace(scope="all") if changed.sees_more and plan.scope == "changes" else plan


def _left(
    pull: PullContext, plan: PullPlan, shop: ShopFacts, names: Sequence[Entity]
) -> list[RunningEntity]:
    since = None if shop.sees_all_orders else shop.observed_at - _SURE_HISTORY
    of_orders = {"orders", *(kind.name for kind in KINDS.values() if kind.root == "orders")}
    by_name = {each.entity: each for each in plan.entities}
    return [
        RunningEntity(pull, by_name[name], since if name in of_orders else None)
        for name in names
        if name in by_name and by_name[name].state not in ("done", "failed", "skipped")
    ]


async def _subscribe(pull: PullContext, shop: ShopFacts) -> list[PullError]:
    try:
        await ensure_subscriptions(pull.client, pull.webhooks_url, shop.scopes)
    except ShopifyRequestError as error:
        # The history is worth having even where news of it will not come.
        log.warning("subscriptions_failed", code=error.code, context=error.context)
        return [PullError.of(error)]
    return []


async def _plan(running: RunningEntity, plan: PullPlan) -> None:
    """What to read; for exports also Shopify's count, for those who watch."""
    if running.checkpoint.slices or running.checkpoint.changes:
        return
    client, entity = running.pull.client, running.entity
    kind, watermark = KINDS.get(entity), plan.watermarks.get(entity)
    if plan.scope == "changes" and watermark is not None:
        await running.begin_changes(read_from(entity, watermark))
        return
    if kind is not None and not kind.bulk:
        await running.begin_changes(BEGINNING)
        return
    records = None
    slices: tuple[Slice, ...] = (Slice(window=plan.window),)
    try:
        records = await count(client, entity, plan.window)
        slices = await plan_slices(client, entity, records, plan.window)
    except ReconnectRequiredError:
        raise
    except PermanentError as error:
        # The export itself will tell what is refused.
        log.warning("count_refused", entity=entity, reason=error.message)
    await running.plan(slices, records)


async def _pull_entities(
    left: Sequence[RunningEntity],
    exporting: Mapping[Entity, Mapping[int, ExportTask]],
    plan: PullPlan,
    shop: ShopFacts,
) -> None:
    for running in left:
        await _pull_entity(running, exporting[running.entity], plan, shop)


async def _pull_entity(
    running: RunningEntity, exporting: Mapping[int, ExportTask], plan: PullPlan, shop: ShopFacts
) -> None:
    """To `done` or `failed`; only what concerns the whole pull is raised."""
    try:
        await pull_changes(running)
        failure = await import_slices(running, exporting)
        if failure is None:
            await _raise_watermark(running, plan)
            failure = await _prove(running, plan, shop)
    except ReconnectRequiredError:
        raise
    except PermanentError as error:
        log.warning("entity_failed", entity=running.entity, code=error.code, context=error.context)
        failure = PullError.of(error, running.entity)
    await running.finish(failure)


async def _prove(running: RunningEntity, plan: PullPlan, shop: ShopFacts) -> PullError | None:
    if plan.scope == "range":
        return None
    if plan.scope == "changes" and await keep_proof(running, shop.observed_at):
        return None
    return await prove(running, shop.observed_at)


async def _raise_watermark(running: RunningEntity, plan: PullPlan) -> None:
    """All that changed before this has been read: the oldest snapshot, or the newest change."""
    changes = running.checkpoint.changes
    if changes is not None:
        moment = changes.until
    elif plan.scope != "range":
        moment = min(filter(None, (each.snapshot_at for each in running.checkpoint.slices)))
    else:
        return

    async def work(tx: Transaction) -> None:
        tenant_id = running.pull.claim.tenant_id
        await repository.raise_watermark(tx, tenant_id, running.entity, moment)

    await running.pull.write(work)


async def _finish(pull: PullContext, plan: PullPlan, errors: Sequence[PullError]) -> None:
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
        spared = plan.scope == "all" and state != "succeeded"
        await leases.release_until_next(
            tx, pull.claim, at_least=_AFTER_FAILED_SWEEP if spared else timedelta(0)
        )
        return state

    state = await pull.write(work, say_now=True)
    log.info("pull_finished", kind=plan.kind, scope=plan.scope, state=state)
