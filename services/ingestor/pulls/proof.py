"""The proof that nothing is missing: our number beside Shopify's, and what was done about a drift.

Where the numbers differ, the time is halved until the windows that differ are small, and those
alone are exported again.
"""

from datetime import UTC, datetime, timedelta

from libs.common.database.transaction import transaction
from libs.common.logs import get_logger
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls import repository
from services.ingestor.pulls.entity import begin_exports, import_slices
from services.ingestor.pulls.repository import Proof
from services.ingestor.pulls.running import RunningEntity
from services.ingestor.pulls.state import PullError
from services.ingestor.pulls.verification import Counts, compare, look
from services.ingestor.shopify.windows import Window

_ROUNDS = 3
_EXPORTED_AT_ONCE = 5_000
_SHORTEST = timedelta(hours=1)
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
"""Where halving begins; what is older counts to its first window."""

log = get_logger()


async def keep_proof(running: RunningEntity, at: datetime) -> bool:
    """Whether the comparison of the day of `at` stands, so that there is none to make.

    Where its numbers differ, they differ for this pull as well: the checkpoint says so.
    """
    tenant_id = running.pull.claim.tenant_id
    async with transaction(running.pull.engine, tenants=[tenant_id]) as tx:
        equal = await repository.is_proof_equal(tx, tenant_id, running.entity, at)
    if equal is False:
        await running.note_mismatch()
    return equal is not None


async def prove(running: RunningEntity, before: datetime) -> PullError | None:
    """Compare all that was created before `before`, repair what differs, write both down.

    Up to three rounds; then the checkpoint says that there is a mismatch. Nothing is written
    when Shopify gives no exact number. A further entity is compared, and repaired, as a whole.
    Returns why a repair failed.
    """
    further = running.entity in KINDS
    whole = Window() if further else Window(running.compared_since, before.replace(microsecond=0))
    counts = await compare(running, whole)
    failure = None
    for _ in range(_ROUNDS):
        if counts is None or not counts.drift or failure or running.checkpoint.mismatch:
            break
        windows = [whole] if further else await _differing(running, whole, counts)
        await running.add_slices(windows, counts.drift)
        async with begin_exports(running) as exporting:
            failure = await import_slices(running, exporting)
        counts = await compare(running, whole)
    if counts is not None:
        await _write_down(running, counts, before)
    return failure


async def _differing(running: RunningEntity, whole: Window, counts: Counts) -> list[Window]:
    """Windows, newest first, in which the numbers differ."""
    found: list[Window] = []
    pending = [(whole, counts)]
    while pending:
        window, held = pending.pop()
        halves = _halves(window)
        if held.shopify <= _EXPORTED_AT_ONCE or not halves:
            found.append(window)
            continue
        for half in halves:
            looked = await look(running, half)
            if looked is not None and looked.drift:
                pending.append((half, looked))
    return found


def _halves(window: Window) -> tuple[Window, ...]:
    """Older, newer; none when the window is short."""
    since, before = window.since or BEGINNING, window.before
    if before is None or before - since < _SHORTEST:
        return ()
    middle = (since + (before - since) / 2).replace(microsecond=0)
    return Window(window.since, middle), Window(middle, before)


async def _write_down(running: RunningEntity, counts: Counts, at: datetime) -> None:
    first = running.checkpoint.drift
    drift = counts.drift if first is None else first
    proof = Proof(
        entity=running.entity,
        ours=counts.ours,
        shopify=counts.shopify,
        drift=drift,
        repaired=max(0, abs(drift) - abs(counts.drift)),
        checked_at=at,
    )
    await running.save_proof(proof)
    log.info("counts_compared", entity=running.entity, drift=drift, repaired=proof.repaired)
