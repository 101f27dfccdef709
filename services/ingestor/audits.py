"""Audits: the totals of each tenant are compared with its facts once a week, and made again when an
operator asks for it.

Of low priority: one tenant at a time in each process, without a lock. A difference is a fault of
ours. It is logged, and the doctor says it until an audit finds none.
"""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import TenantNotFoundError, TransientError
from libs.common.events.contracts import StoreChanged
from libs.common.logs import get_logger
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import HINTS
from services.ingestor import repository
from services.ingestor.store.audit import count_differences, save_audit
from services.ingestor.store.recut import recut
from services.ingestor.tasks.repository import (
    Task,
    TaskKind,
    add_audits,
    add_task,
    finish_task,
    hold_task,
    make_due,
    reschedule_task,
)

INTERVAL: Final = timedelta(days=7)
PAUSE_AFTER_FAILURE: Final = timedelta(days=1)
"""One that fails has mostly run for minutes."""

_SECONDS_BETWEEN = 3600.0
_SECONDS_AFTER_FAILURE = 60.0

log = get_logger()


async def plan_audits(engine: AsyncEngine) -> None:
    """See to it, at start and every hour, that every tenant has one. Until cancelled."""
    while True:
        pause = _SECONDS_BETWEEN
        try:
            async with transaction(engine) as tx:
                await add_audits(tx, INTERVAL)
        except TransientError as error:
            log.warning("audits_not_planned", code=error.code)
            pause = _SECONDS_AFTER_FAILURE
        await asyncio.sleep(pause)


async def audit_tenant(task: Task, engine: AsyncEngine) -> None:
    """Compare, keep what was found, and have it done again in a week. Raises TaskLostError."""
    tenants = [task.tenant_id]
    async with transaction(engine, tenants=tenants) as tx:
        found = await count_differences(tx, task.tenant_id)
    async with transaction(engine, tenants=tenants) as tx:
        await save_audit(tx, task.tenant_id, found)
        await hold_task(tx, task)
        await reschedule_task(tx, task, INTERVAL)
    if found.number:
        log.error("totals_differ_from_facts", differences=found.number, examples=found.examples)


async def recompute_tenant(task: Task, engine: AsyncEngine, publisher: Publisher) -> None:
    """Make the totals from the facts again, and have them audited. Raises TaskLostError."""
    tenant_id = task.tenant_id

    async def work(tx: Transaction) -> int:
        version = await recut(tx, tenant_id)
        await hold_task(tx, task)
        await finish_task(tx, task)
        await make_due(tx, tenant_id, TaskKind.AUDIT, tenant_id)
        return version

    version = await in_transaction(engine, work, tenants=[tenant_id])
    log.info("totals_recomputed", data_version=version)
    hint = StoreChanged(tenant_id=tenant_id, data_version=version)
    await publisher.publish_transient(HINTS, hint.TYPE, hint.to_json())


def audit_routes(engine: AsyncEngine) -> APIRouter:
    """For the operator: `tillstream tenants recompute`."""
    router = APIRouter(prefix="/internal/audits")

    @router.post("/{tenant_id}/recompute", status_code=202)
    async def recompute(tenant_id: UUID) -> None:
        async def work(tx: Transaction) -> None:
            if await repository.read_shop(tx, tenant_id) is None:
                raise TenantNotFoundError("There are no facts of this tenant.")
            await add_task(tx, tenant_id, TaskKind.RECOMPUTE, tenant_id)

        await in_transaction(engine, work, tenants=[tenant_id])
        log.info("recompute_asked_for", tenant_id=str(tenant_id))

    return router
