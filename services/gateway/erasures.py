"""Tenants that are to be erased: nobody comes in from the moment an erasure is scheduled.

What the gateway notes of an erasure follows oauth, which is asked whenever it may have changed.
An event says when to ask, in whatever order events come, and never what the answer is.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.notices import notify
from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.erasures import Erasure, find_erasure
from libs.common.errors import TenantErasureScheduledError, TransientError
from libs.common.logs import get_logger
from libs.common.web.client import ServiceClient
from services.gateway import erasure_repository as repository
from services.gateway.erasure_repository import TenantErasure
from services.gateway.repository import Membership

CLOSED_CHANNEL = "identity_tenant_closed"
"""On it every process of the gateway hears the id of a tenant whose streams must end."""

_TRIES = 3
_SWEPT_AFTER = timedelta(hours=1)
"""Longer than a claim lives: with a user goes the note that the user's claim was redeemed."""
_SECONDS_BETWEEN_SWEEPS = 24 * 3600.0

log = get_logger()


class _ChangedMeanwhileError(TransientError):
    """What was noted is newer than the question to oauth, and so may be than the answer."""


async def follow_oauth(
    engine: AsyncEngine, oauth: ServiceClient, tenant_id: UUID
) -> TenantErasure | None:
    """Note what oauth says of the tenant's erasure. While there is one, nobody has a session.

    Answers with what is noted now. Raises ServiceUnavailableError while oauth is away.
    """
    for _ in range(_TRIES - 1):
        with suppress(_ChangedMeanwhileError):
            return await _ask_and_note(engine, oauth, tenant_id)
    return await _ask_and_note(engine, oauth, tenant_id)


async def _ask_and_note(
    engine: AsyncEngine, oauth: ServiceClient, tenant_id: UUID
) -> TenantErasure | None:
    async with transaction(engine) as tx:
        before = await repository.find_tenant_erasure(tx, tenant_id)
    if before and before.state == "erased":
        return before
    # Asked outside a transaction, so that a slow oauth holds no connection to the database.
    told = await find_erasure(oauth, tenant_id)

    async def work(tx: Transaction) -> TenantErasure | None:
        await repository.lock_tenant(tx, tenant_id)
        if await repository.find_tenant_erasure(tx, tenant_id) != before:
            raise _ChangedMeanwhileError("The erasure of the shop changes at this moment.")
        return await _note(tx, tenant_id, before, told)

    return await in_transaction(engine, work)


async def _note(
    tx: Transaction, tenant_id: UUID, before: TenantErasure | None, told: Erasure | None
) -> TenantErasure | None:
    if told is None:
        if not is_closed(before):
            return before
        log.info("tenant_opened", tenant_id=str(tenant_id))
        return await repository.save_tenant_erasure(tx, tenant_id, "cancelled", None)
    state: repository.State = "scheduled" if told.state == "scheduled" else "running"
    if before and (before.state, before.due_at) == (state, told.due_at):
        return before
    await _end_access(tx, tenant_id)
    log.info("tenant_closed", tenant_id=str(tenant_id), state=state)
    return await repository.save_tenant_erasure(tx, tenant_id, state, told.due_at)


async def erase(engine: AsyncEngine, tenant_id: UUID) -> int:
    """Delete all that is kept of the tenant but the note that it is erased, which stays.

    A replay changes nothing. Answers with the number of users deleted.
    """

    async def work(tx: Transaction) -> int:
        await repository.lock_tenant(tx, tenant_id)
        await _end_access(tx, tenant_id)
        users = await repository.erase_tenant(tx, tenant_id)
        before = await repository.find_tenant_erasure(tx, tenant_id)
        if before is None or before.state != "erased":
            due_at = before.due_at if before else None
            await repository.save_tenant_erasure(tx, tenant_id, "erased", due_at)
        return users

    return await in_transaction(engine, work)


async def _end_access(tx: Transaction, tenant_id: UUID) -> None:
    await repository.end_sessions(tx, tenant_id)
    await end_streams(tx, tenant_id)


async def end_streams(tx: Transaction, tenant_id: UUID) -> None:
    """With the commit of `tx`, in every process; whoever still has a session opens another."""
    await notify(tx, CLOSED_CHANNEL, str(tenant_id))


def is_closed(erasure: TenantErasure | None) -> bool:
    return erasure is not None and erasure.state != "cancelled"


async def hold_open(tx: Transaction, tenant_id: UUID, shop_domain: str) -> None:
    """Return with the tenant open, and no erasure noted before `tx` ends.

    Whatever lets somebody in calls this first. Raises TenantErasureScheduledError.
    """
    await repository.lock_tenant_shared(tx, tenant_id)
    erasure = await repository.find_tenant_erasure(tx, tenant_id)
    if erasure and is_closed(erasure):
        raise closed_error(erasure, shop_domain)


async def open_among(
    engine: AsyncEngine, oauth: ServiceClient, members: Sequence[Membership]
) -> list[Membership]:
    """Those of `members` whose tenant is not to be erased, as far as is known here.

    oauth is asked about the others: the shop may have been connected again a moment ago. Raises
    TenantErasureScheduledError when none is left, and ServiceUnavailableError when it cannot be
    told while oauth is away.
    """
    async with transaction(engine) as tx:
        noted = await repository.tenant_erasures_among(tx, [m.tenant_id for m in members])
    left: list[Membership] = []
    refusals: list[TenantErasureScheduledError | TransientError] = []
    for member in members:
        try:
            if is_closed(noted.get(member.tenant_id)):
                await _check_open(engine, oauth, member)
            left.append(member)
        except (TenantErasureScheduledError, TransientError) as error:
            refusals.append(error)
    if refusals and not left:
        raise refusals[0]
    return left


async def _check_open(engine: AsyncEngine, oauth: ServiceClient, member: Membership) -> None:
    erasure = await follow_oauth(engine, oauth, member.tenant_id)
    if erasure and is_closed(erasure):
        raise closed_error(erasure, member.shop_domain)


def closed_error(erasure: TenantErasure, shop_domain: str) -> TenantErasureScheduledError:
    """What a person is told who proved to be a member of the tenant, or to hold its shop."""
    can_be_kept = erasure.state == "scheduled"
    if can_be_kept:
        when = f"will be deleted{_on(erasure.due_at)}. Connect the shop again before then"
        message = f"The data of {shop_domain} {when} to keep it."
    else:
        message = f"The data of {shop_domain} is being deleted and cannot be kept any more."
    due_at = erasure.due_at and erasure.due_at.isoformat()
    details = {"shopDomain": shop_domain, "dueAt": due_at, "canBeKept": can_be_kept}
    return TenantErasureScheduledError(message, details=details)


def _on(moment: datetime | None) -> str:
    return f" on {moment.astimezone(UTC):%B %-d, %Y at %H:%M} UTC" if moment else ""


async def sweep_users(engine: AsyncEngine) -> None:
    """Delete users who belong to no tenant: nobody can sign in as one, or become a member."""
    total = 0
    while True:

        async def work(tx: Transaction) -> int:
            return await repository.sweep_users(tx, utc_now() - _SWEPT_AFTER)

        swept = await in_transaction(engine, work)
        if not swept:
            break
        total += swept
    if total:
        log.info("users_without_tenant_deleted", users=total)


async def sweep_users_daily(engine: AsyncEngine) -> None:
    """At start and every day, until cancelled."""
    while True:
        try:
            await sweep_users(engine)
        except TransientError as error:
            log.warning("users_not_swept", code=error.code)
        await asyncio.sleep(_SECONDS_BETWEEN_SWEEPS)
