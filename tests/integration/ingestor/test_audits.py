"""Every tenant's totals are compared with its facts now and then; what differs is kept, logged, and
made right by a recompute.
"""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import CallerRefusedError
from libs.common.messaging.publisher import Publisher
from libs.common.web.client import ServiceClient
from libs.ops.errors import OperationError
from libs.ops.pulls import recompute_totals
from services.ingestor.audits import INTERVAL, audit_tenant, plan_audits, recompute_tenant
from services.ingestor.pulls.queue import queue_backfill
from services.ingestor.tasks.repository import Task, TaskKind, claim_tasks
from tests.caller_keys import CallerKeys
from tests.integration.ingestor.facts import customer, line, order, refund, seen
from tests.integration.ingestor.world import World
from tests.integration.messaging.queues import running, until

_AUDIT = "SELECT differences, examples, audited_at FROM store.audits"
_TASKS = "SELECT kind, due_at, failures FROM store.tasks"
_BREAK = (
    "UPDATE store.daily_sales SET revenue = revenue + 1 RETURNING 1",
    "DELETE FROM store.product_sales RETURNING 1",
)


async def _tenant(world: World) -> UUID:
    tenant_id = await world.add_tenant()
    facts = (customer(7), order(1, lines=(line(1), line(2)), refunds=(refund(1, 1),)), order(2))
    await world.apply(*(seen(tenant_id, fact) for fact in facts))
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await queue_backfill(tx, tenant_id, uuid4(), utc_now())
    return tenant_id


async def _plan(world: World) -> None:
    async def planned() -> bool:
        async with transaction(world.engine) as tx:
            missing = """SELECT count(*) FROM store.schedule LEFT JOIN store.tasks
                USING (tenant_id) WHERE tasks.tenant_id IS NULL"""
            return await tx.scalar(text(missing)) == 0

    async with running(plan_audits(world.engine)):
        await until(planned)


async def _claim(world: World, kind: TaskKind) -> list[Task]:
    async with transaction(world.engine) as tx:
        await tx.execute(text("UPDATE store.tasks SET due_at = now()"))
        return await claim_tasks(tx, [kind], 9)


async def _audit(world: World, tenant_id: UUID) -> None:
    for task in await _claim(world, TaskKind.AUDIT):
        if task.tenant_id == tenant_id:
            await audit_tenant(task, world.engine)


async def test_each_tenant_has_one_audit_within_the_week_and_the_next_a_week_later(world: World):
    tenants = [await _tenant(world) for _ in range(3)]
    for _ in range(2):
        await _plan(world)
    week = utc_now() + INTERVAL
    for tenant_id in tenants:
        mine = f"{_TASKS} WHERE tenant_id = '{tenant_id}'"
        [task] = await world.rows(tenant_id, mine)
        assert task["due_at"] <= week + timedelta(minutes=1)

    await _audit(world, tenants[0])

    [again] = await world.rows(tenants[0], f"{_TASKS} WHERE tenant_id = '{tenants[0]}'")
    assert again["due_at"] > week - timedelta(minutes=1)
    audit = await world.row(tenants[0], _AUDIT)
    assert (audit["differences"], audit["examples"]) == (0, [])


async def test_totals_that_differ_are_kept_and_logged_and_a_recompute_makes_them_right(
    world: World, publisher: Publisher, ingestor: ServiceClient
):
    tenant_id = await _tenant(world)
    await _plan(world)
    for statement in _BREAK:
        await world.rows(tenant_id, statement)
    with capture_logs() as lines:
        await _audit(world, tenant_id)
    found = await world.row(tenant_id, _AUDIT)
    assert found["differences"] == len(await world.differences(tenant_id)) == 3
    assert {example.split()[0] for example in found["examples"]} == {"daily_sales", "product_sales"}
    [told] = [line for line in lines if line["event"] == "totals_differ_from_facts"]
    assert (told["differences"], told["log_level"]) == (3, "error")

    for _ in range(2):
        await recompute_totals(ingestor, f"{tenant_id}.myshopify.com")
    [task] = await _claim(world, TaskKind.RECOMPUTE)
    await recompute_tenant(task, world.engine, publisher)
    assert await world.differences(tenant_id) == []
    await _audit(world, tenant_id)

    assert (await world.row(tenant_id, _AUDIT))["differences"] == 0
    kinds = await world.rows(tenant_id, f"{_TASKS} WHERE tenant_id = '{tenant_id}'")
    assert [row["kind"] for row in kinds] == ["audit"]


async def test_an_audit_takes_no_lock_of_the_tenant(world: World):
    tenant_id = await _tenant(world)
    await _plan(world)
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(text("SELECT 1 FROM store.versions FOR UPDATE"))
        await _audit(world, tenant_id)
    assert (await world.row(tenant_id, _AUDIT))["differences"] == 0


async def test_only_the_operator_has_totals_made_again_and_of_known_shops_alone(
    world: World, url: str, keys: CallerKeys, ingestor: ServiceClient
):
    tenant_id = await _tenant(world)
    with pytest.raises(OperationError):
        await recompute_totals(ingestor, "nobody.myshopify.com")
    gateway = ServiceClient("ingestor", url, keys.signer("gateway"))
    with pytest.raises(CallerRefusedError):
        await gateway.ask("POST", f"/internal/audits/{tenant_id}/recompute", tenant_id=tenant_id)
    await gateway.close()
