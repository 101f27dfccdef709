"""Long work is a row with a lease: it keeps no event waiting, is gone on with after a crash, is
done by one worker at a time, and one that fails waits alone.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import ServiceUnavailableError
from libs.common.events.contracts import Event, TenantConnected, TenantErased
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS
from libs.common.web.client import ServiceClient
from services.ingestor.privacy.erasure import erase_tenant, queue_erasure
from services.ingestor.tasks.repository import (
    Task,
    TaskKind,
    TaskLostError,
    claim_tasks,
    hold_task,
    postpone_task,
)
from services.ingestor.tasks.worker import TaskWorker
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import running, until
from tests.integration.pulls.erasing import NOBODY_LISTENS, Ingestor
from tests.integration.pulls.simulated import ROOT
from tests.integration.pulls.tenants import PulledTenant, connected

_TASKS = text("SELECT tenant_id, failures, error, lease_owner FROM store.tasks ORDER BY created_at")


async def _publish(broker: Broker, *events: Event) -> None:
    async with Publisher(SecretStr(broker.url_for("oauth")), "oauth") as oauth:
        for event in events:
            await oauth.publish(EVENTS, event.TYPE, event.to_json(), timeout_seconds=10)


async def _tasks(engine: AsyncEngine) -> list[dict[str, Any]]:
    async with transaction(engine) as tx:
        return [dict(row._mapping) for row in await tx.execute(_TASKS)]


async def _claim(engine: AsyncEngine) -> list[Task]:
    async with transaction(engine) as tx:
        return await claim_tasks(tx, [TaskKind.ERASURE], 9)


async def _end_lease(engine: AsyncEngine) -> None:
    async with transaction(engine) as tx:
        await tx.execute(text("UPDATE store.tasks SET lease_until = now(), due_at = now()"))


async def _another(engine: AsyncEngine, database: Database) -> PulledTenant:
    return PulledTenant(engine, await connected(database))


@asynccontextmanager
async def _rows_held(tenant: PulledTenant) -> AsyncIterator[None]:
    """What erases the tenant stops at these rows, as before a very large table."""
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        await tx.execute(text("SELECT 1 FROM store.pull_entities FOR UPDATE"))
        yield


async def _has_closed(tenant: PulledTenant) -> bool:
    return not await tenant.rows("SELECT 1 FROM store.schedule")


async def _erased(tenant: PulledTenant) -> list[dict[str, Any]]:
    done = "SELECT counts FROM store.erasures WHERE erased_at IS NOT NULL"
    return await tenant.rows(done)


async def test_a_new_shop_does_not_wait_behind_an_erasure(
    broker: Broker,
    database: Database,
    publisher: Publisher,
    ingestor: Ingestor,
    tenant: PulledTenant,
):
    await tenant.rows("UPDATE store.schedule SET due_at = NULL RETURNING 1")
    # So that there is something in the way of the erasure.
    await tenant.rows(
        "INSERT INTO store.pull_entities (tenant_id, pull_id, entity, state)"
        " SELECT tenant_id, id, 'orders', 'waiting' FROM store.pulls"
        " ON CONFLICT DO NOTHING RETURNING 1"
    )
    new = await _another(tenant.engine, database)
    await ingestor.schedule(tenant.id, begun=True)

    async def begun() -> bool:
        return bool(await new.rows("SELECT 1 FROM store.pulls"))

    async with ingestor.running(publisher):
        async with _rows_held(tenant):
            shop = {"shop_domain": "new.myshopify.com"}
            await _publish(broker, TenantErased(tenant_id=tenant.id))
            await until(lambda: _has_closed(tenant))
            await _publish(broker, TenantConnected(tenant_id=new.id, **shop))
            await until(begun)
            assert await _erased(tenant) == []
        await until(lambda: _erased(tenant))
        await until(lambda: ingestor.reported(tenant.id))

        async def nothing_left() -> bool:
            return await _tasks(tenant.engine) == []

        await until(nothing_left)


async def test_an_erasure_that_a_killed_process_had_is_ended_and_reported_by_another(
    broker: Broker,
    database: Database,
    publisher: Publisher,
    ingestor: Ingestor,
    tenant: PulledTenant,
):
    await tenant.rows("UPDATE store.schedule SET due_at = NULL RETURNING 1")
    before = len(await tenant.rows("SELECT 1 FROM store.pull_entities"))
    await ingestor.schedule(tenant.id, begun=True)
    async with ingestor.oauth_running() as oauth_url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.ingestor.main", "--role", "pulls"),
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), **ingestor.environment(oauth_url)},
        )
        async with _rows_held(tenant):
            await _publish(broker, TenantErased(tenant_id=tenant.id))
            await until(lambda: _has_closed(tenant))
            process.kill()
            await process.wait()
    [left] = await _tasks(tenant.engine)
    assert (left["tenant_id"], left["lease_owner"] is None) == (tenant.id, False)
    assert len(await tenant.rows("SELECT 1 FROM store.pull_entities")) == before

    await _end_lease(tenant.engine)
    async with ingestor.running(publisher):
        await until(lambda: ingestor.reported(tenant.id))

    [receipt] = await _erased(tenant)
    assert receipt["counts"] == {"pull_entities": before, "pulls": 1, "schedule": 1}
    assert await ingestor.reported(tenant.id) == receipt["counts"]


async def _queued(ingestor: Ingestor, tenant: PulledTenant, oauth: ServiceClient) -> None:
    await ingestor.schedule(tenant.id, begun=True)
    event = TenantErased(tenant_id=tenant.id)
    for _ in range(2):
        await queue_erasure(event, tenant.engine, oauth)


async def test_a_repeated_event_is_one_task_and_one_after_the_end_is_none(
    ingestor: Ingestor, database: Database, tenant: PulledTenant
):
    async with ingestor.asking_oauth() as oauth:
        await _queued(ingestor, tenant, oauth)
        [task] = await _claim(tenant.engine)
        await erase_tenant(task, tenant.engine, oauth)
        assert await _tasks(tenant.engine) == []

        owner = await asyncpg.connect(database.url)
        await owner.execute("UPDATE tenancy.erasures SET done_at = now()")
        await owner.execute("DELETE FROM tenancy.tenants WHERE id = $1", tenant.id)
        await owner.close()
        await queue_erasure(TenantErased(tenant_id=tenant.id), tenant.engine, oauth)
    assert await _tasks(tenant.engine) == []


async def test_one_worker_has_a_task_and_who_lost_it_writes_nothing(
    ingestor: Ingestor, tenant: PulledTenant
):
    async with ingestor.asking_oauth() as oauth:
        await _queued(ingestor, tenant, oauth)
        [first] = await _claim(tenant.engine)
        assert await _claim(tenant.engine) == []
        await _end_lease(tenant.engine)
        [second] = await _claim(tenant.engine)

        with pytest.raises(TaskLostError):
            await erase_tenant(first, tenant.engine, oauth)
        assert len(await tenant.rows("SELECT 1 FROM store.schedule")) == 1
        async with transaction(tenant.engine) as tx:
            await postpone_task(tx, first, "LATE")
        assert [task["failures"] for task in await _tasks(tenant.engine)] == [0]

        await erase_tenant(second, tenant.engine, oauth)
        assert await ingestor.reported(tenant.id) is not None


async def test_an_erasure_that_could_not_be_reported_is_reported_later_with_the_same_counts(
    ingestor: Ingestor, tenant: PulledTenant
):
    lonely = ServiceClient("oauth", NOBODY_LISTENS, ingestor.keys.signer("ingestor"))
    async with ingestor.asking_oauth() as oauth:
        await _queued(ingestor, tenant, oauth)
        [task] = await _claim(tenant.engine)
        with pytest.raises(ServiceUnavailableError):
            await erase_tenant(task, tenant.engine, lonely)
        [receipt] = await _erased(tenant)
        assert await ingestor.reported(tenant.id) is None

        await _end_lease(tenant.engine)
        [again] = await _claim(tenant.engine)
        await erase_tenant(again, tenant.engine, oauth)
    await lonely.close()

    assert await ingestor.reported(tenant.id) == receipt["counts"]
    assert await _tasks(tenant.engine) == []


async def test_a_task_that_fails_is_put_off_with_its_reason_and_others_are_done(
    ingestor: Ingestor, database: Database, tenant: PulledTenant
):
    other = await _another(tenant.engine, database)
    done: list[UUID] = []
    async with ingestor.asking_oauth() as oauth:
        await _queued(ingestor, tenant, oauth)
        await _queued(ingestor, other, oauth)

    async def work(task: Task) -> None:
        if task.tenant_id == tenant.id:
            raise KeyError("a bug")
        async with transaction(tenant.engine) as tx:
            await hold_task(tx, task)
        done.append(task.tenant_id)

    async def served() -> bool:
        return other.id in done and (await _tasks(tenant.engine))[0]["failures"] > 0

    worker = TaskWorker(tenant.engine, {TaskKind.ERASURE: work}, limit=1, poll_seconds=0.02)
    async with running(worker.run()):
        await until(served)

    failing = (await _tasks(tenant.engine))[0]
    assert (failing["tenant_id"], failing["error"]) == (tenant.id, "KeyError")
    assert failing["lease_owner"] is None


async def test_a_worker_that_is_told_to_stop_gives_its_tasks_back(
    ingestor: Ingestor, tenant: PulledTenant
):
    async with ingestor.asking_oauth() as oauth:
        await _queued(ingestor, tenant, oauth)
    begun = asyncio.Event()

    async def work(_task: Task) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker = TaskWorker(tenant.engine, {TaskKind.ERASURE: work}, limit=1, poll_seconds=0.02)
    async with running(worker.run()):
        await begun.wait()
        assert await _claim(tenant.engine) == []
    assert [task.tenant_id for task in await _claim(tenant.engine)] == [tenant.id]
