"""What becomes of a pull that ended with an error: failed for good, or put off."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.errors import (
    PermanentError,
    PlatformError,
    ReconnectRequiredError,
    TenantNotFoundError,
    TransientError,
)
from libs.common.logs import get_logger
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls import leases, repository
from services.ingestor.pulls.context import write_held
from services.ingestor.pulls.leases import Claim
from services.ingestor.pulls.progress import Progress
from services.ingestor.pulls.state import PullError, Trouble

_POSTPONE = timedelta(seconds=15)
_AFTER_FAILURE = timedelta(hours=1)
_GIVE_UP_AFTER = timedelta(minutes=30)
"""Of trouble without a single step forward."""

log = get_logger()


async def settle(
    engine: AsyncEngine, publisher: Publisher, claim: Claim, error: BaseException
) -> None:
    """Write the outcome and give the lease back; when that cannot be, the lease runs out."""
    if isinstance(error, PermanentError):
        log.warning("pull_failed", code=error.code, reason=error.message)
    elif isinstance(error, TransientError):
        log.warning("pull_postponed", code=error.code, reason=error.message)
    else:
        log.error("pull_crashed", exc_info=error)
    known = error if isinstance(error, PlatformError) else PlatformError("Something broke here.")

    async def work(tx: Transaction) -> None:
        await _end_or_postpone(tx, claim, known)

    progress = Progress(publisher, claim.tenant_id)
    try:
        await write_held(engine, claim, progress, work, say_now=True)
    except TransientError as unwritten:
        log.warning("pull_not_settled", code=unwritten.code)


async def _end_or_postpone(tx: Transaction, claim: Claim, error: PlatformError) -> None:
    now = utc_now()
    before = await repository.read_trouble(tx, claim)
    since = before.since if before else now
    if isinstance(error, PermanentError) or now - since > _GIVE_UP_AFTER:
        await repository.finish(tx, claim, "failed", [PullError.of(error)])
        if isinstance(error, ReconnectRequiredError | TenantNotFoundError):
            # The merchant's next connection makes it due again.
            await leases.release(tx, claim, due_in=None)
        else:
            await leases.release_until_next(tx, claim, at_least=_AFTER_FAILURE)
        return
    await repository.save_trouble(tx, claim, Trouble(error.code, error.message, since))
    await leases.release(tx, claim, due_in=_POSTPONE)
