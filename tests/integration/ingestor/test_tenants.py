"""Tenants share batches, tables and writers, and nothing else."""

import asyncio
import random
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import DatabaseUnavailableError
from services.ingestor.facts import Deletion, Observation
from services.ingestor.store.apply import apply_observations
from tests.integration.ingestor.facts import customer, line, order, product, refund, seen
from tests.integration.ingestor.world import World


async def test_one_batch_of_several_tenants_changes_each_of_them(world: World) -> None:
    first, second, third = [await world.add_tenant() for _ in range(3)]
    await world.apply(seen(third, customer(7)))

    versions = await world.apply(
        seen(first, order(1, lines=(line(1, "1.00"),))),
        seen(second, order(1, lines=(line(1, "2.00"),))),
        seen(third, customer(7)),
        seen(second, product(5)),
    )

    assert versions == {first: 1, second: 1}
    for tenant_id, revenue in ((first, "1.00"), (second, "2.00")):
        row = await world.row(tenant_id, "SELECT revenue FROM store.daily_sales")
        assert row["revenue"] == Decimal(revenue)
        assert await world.differences(tenant_id) == []


async def test_without_a_tenant_set_nothing_is_seen_and_nothing_can_be_written(
    world: World,
) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, refunds=(refund(2, 1),))))
    other = await world.add_tenant()

    for tenants in ((), (other,)):
        async with transaction(world.engine, tenants=tenants) as tx:
            for table in ("shops", "orders", "order_lines", "refunds", "customers", "daily_sales"):
                rows = await tx.scalar(
                    text(f"SELECT count(*) FROM store.{table} WHERE tenant_id = :tenant"),
                    {"tenant": tenant_id},
                )
                assert rows == 0, table
    with pytest.raises(DatabaseUnavailableError, match="42501"):
        async with transaction(world.engine, tenants=(other,)) as tx:
            await tx.execute(
                text("INSERT INTO store.versions (tenant_id) VALUES (:tenant)"),
                {"tenant": await world.add_tenant()},
            )


async def test_a_rolled_back_batch_leaves_nothing(world: World) -> None:
    tenant_id = await world.add_tenant()

    async def work(tx: Transaction) -> None:
        await apply_observations(tx, [seen(tenant_id, order(1))])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_transaction(world.engine, work, tenants=[tenant_id])

    for table in ("orders", "customers", "daily_sales", "versions"):
        assert await world.rows(tenant_id, f"SELECT * FROM store.{table}") == []


async def test_eight_writers_at_once_lose_nothing_and_never_lock_each_other_out(
    world: World,
) -> None:
    tenants = [await world.add_tenant() for _ in range(3)]
    for tenant_id in tenants:
        await world.apply(*(seen(tenant_id, order(number)) for number in range(1, 6)))

    async def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            facts = [_something(chance, chance.choice(tenants)) for _ in range(5)]
            # Not `in_transaction`, which would try again after a deadlock.
            async with transaction(world.engine, tenants=tenants) as tx:
                await apply_observations(tx, facts)

    await asyncio.gather(*(write(seed) for seed in range(8)))

    for tenant_id in tenants:
        assert await world.differences(tenant_id) == []


def _something(chance: random.Random, tenant_id: UUID) -> Observation:
    number, version, kind = chance.randint(1, 5), chance.randint(1, 300), chance.random()
    if kind < 0.05:
        return seen(tenant_id, Deletion(entity="orders", id=number), version)
    if kind < 0.15:
        return seen(tenant_id, customer(number, version))
    if kind < 0.5:
        return seen(tenant_id, refund(chance.randint(1, 10_000), number), version)
    changed = order(
        number,
        version,
        customer_id=chance.randint(1, 5),
        currency=chance.choice(["EUR", "USD"]),
        lines=tuple(line(each, "2.50", chance.randint(1, 3)) for each in range(1, 4)),
    )
    return seen(tenant_id, changed, version, pulled=chance.random() < 0.5)
