"""One worker at a time pulls a tenant, and a tenant whose worker vanished is taken up again."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls import leases
from services.ingestor.pulls.context import write_held
from services.ingestor.pulls.leases import Claim, LeaseLostError
from services.ingestor.pulls.progress import Progress
from services.ingestor.pulls.queue import queue_backfill


@pytest.fixture
async def due(engine: AsyncEngine, tenant_id: UUID) -> UUID:
    async with transaction(engine, tenants=[tenant_id]) as tx:
        await queue_backfill(tx, tenant_id, tenant_id, utc_now())
    return tenant_id


async def _run_out(engine: AsyncEngine) -> None:
    async with transaction(engine) as tx:
        await tx.execute(text("UPDATE store.schedule SET lease_until = now() - interval '1 s'"))


async def _hold(engine: AsyncEngine, claim: Claim) -> None:
    async with transaction(engine) as tx:
        await leases.hold(tx, claim)


async def test_of_many_that_ask_at_once_one_gets_it(engine: AsyncEngine, due: UUID):
    found = await asyncio.gather(*(leases.claim_due(engine, 10) for _ in range(8)))
    assert [claim.tenant_id for claims in found for claim in claims] == [due]


async def test_a_lease_that_ran_out_goes_to_the_next_and_its_first_owner_writes_no_more(
    engine: AsyncEngine, due: UUID
):
    [first] = await leases.claim_due(engine, 10)
    assert await leases.claim_due(engine, 10) == []
    await _run_out(engine)
    [second] = await leases.claim_due(engine, 10)
    assert second.tenant_id == due
    await _hold(engine, second)
    with pytest.raises(LeaseLostError):
        await _hold(engine, first)


async def test_holding_a_lease_prolongs_it(engine: AsyncEngine, due: UUID):
    [claim] = await leases.claim_due(engine, 10)
    await _run_out(engine)
    await _hold(engine, claim)
    assert await leases.claim_due(engine, 10) == []


async def test_a_lease_is_renewed_where_no_write_has_it(engine: AsyncEngine, due: UUID):
    [claim] = await leases.claim_due(engine, 10)
    await _run_out(engine)
    await leases.renew(engine, claim)
    assert await leases.claim_due(engine, 10) == []


async def test_a_pull_keeps_its_lease_while_its_own_write_has_it_and_nobody_else_gets_it(
    engine: AsyncEngine, due: UUID
):
    [claim] = await leases.claim_due(engine, 10)
    await _run_out(engine)
    async with transaction(engine) as writing:
        await leases.hold(writing, claim)
        await leases.renew(engine, claim)
        assert await leases.claim_due(engine, 10) == []


async def test_a_lease_that_another_has_is_lost_also_while_the_other_writes(
    engine: AsyncEngine, due: UUID
):
    [first] = await leases.claim_due(engine, 10)
    await _run_out(engine)
    [second] = await leases.claim_due(engine, 10)
    async with transaction(engine) as writing:
        await leases.hold(writing, second)
        with pytest.raises(LeaseLostError):
            await leases.renew(engine, first)


async def test_a_write_that_took_longer_than_a_lease_lasts_leaves_the_pull_its_lease(
    engine: AsyncEngine, publisher: Publisher, due: UUID
):
    async def take_long(tx: Transaction) -> None:
        await tx.execute(text("UPDATE store.schedule SET lease_until = now() - interval '1 s'"))

    [claim] = await leases.claim_due(engine, 10)
    await write_held(engine, claim, Progress(publisher, due), take_long)
    assert await leases.claim_due(engine, 10) == []


@pytest.mark.parametrize(
    ("due_in", "is_due"), [(timedelta(0), True), (timedelta(minutes=1), False), (None, False)]
)
async def test_what_is_given_back_is_due_when_it_was_said(
    engine: AsyncEngine, due: UUID, due_in: timedelta | None, is_due: bool
):
    [claim] = await leases.claim_due(engine, 10)
    async with transaction(engine) as tx:
        await leases.release(tx, claim, due_in=due_in)
    assert bool(await leases.claim_due(engine, 10)) is is_due


async def test_no_more_are_taken_than_there_are_hands_for(engine: AsyncEngine, due: UUID):
    assert await leases.claim_due(engine, 0) == []


async def test_a_lease_lasts_from_the_moment_it_was_had_however_long_the_row_was_waited_for(
    engine: AsyncEngine, due: UUID
):
    [claim] = await leases.claim_due(engine, 10)
    async with transaction(engine) as tx:
        await tx.execute(text("SELECT now()"))
        async with transaction(engine) as other:
            await leases.hold(other, claim)
            waiting = asyncio.create_task(leases.hold(tx, claim))
            while not await other.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                await asyncio.sleep(0.01)
            let_go = await other.scalar(text("SELECT clock_timestamp()"))
        await waiting
        until = await tx.scalar(text("SELECT lease_until FROM store.schedule"))
    assert until - leases.LEASE > let_go
