"""A deletion is final, unless a pull saw the object after it."""

from itertools import permutations
from uuid import UUID

import pytest

from services.ingestor.facts import Deletion, Entity, Fact, Observation
from tests.integration.ingestor.facts import customer, order, product, refund, seen
from tests.integration.ingestor.world import World

_ENTITIES: tuple[Entity, ...] = ("customers", "orders", "products")


def _fact(entity: Entity, version: float) -> Fact:
    facts: dict[Entity, Fact] = {
        "customers": customer(1, version),
        "orders": order(1, version),
        "products": product(1, version),
    }
    return facts[entity]


def _deleted(tenant_id: UUID, entity: Entity, minutes: float) -> Observation:
    return seen(tenant_id, Deletion(entity=entity, id=1), minutes)


async def _alive(world: World, tenant_id: UUID, entity: Entity) -> bool:
    row = await world.row(tenant_id, f"SELECT deleted_at FROM store.{entity} WHERE id = 1")
    return row["deleted_at"] is None


@pytest.mark.parametrize("entity", _ENTITIES)
async def test_updates_and_a_deletion_end_deleted_in_every_order(
    world: World, entity: Entity
) -> None:
    for arrangement in permutations(range(3)):
        tenant_id = await world.add_tenant()
        history = [
            seen(tenant_id, _fact(entity, 1), 2),
            _deleted(tenant_id, entity, 5),
            seen(tenant_id, _fact(entity, 9), 10),
        ]
        for index in arrangement:
            await world.apply(history[index])
        assert not await _alive(world, tenant_id, entity), arrangement
        assert await world.differences(tenant_id) == []


@pytest.mark.parametrize("entity", _ENTITIES)
@pytest.mark.parametrize(("pulled_at", "alive"), [(4, False), (5, False), (6, True)])
async def test_only_a_later_pull_outweighs_a_deletion_in_every_order(
    world: World, entity: Entity, pulled_at: int, *, alive: bool
) -> None:
    for arrangement in permutations(range(3)):
        tenant_id = await world.add_tenant()
        history = [
            seen(tenant_id, _fact(entity, 1), 2),
            _deleted(tenant_id, entity, 5),
            seen(tenant_id, _fact(entity, 1), pulled_at, pulled=True),
        ]
        for index in arrangement:
            await world.apply(history[index])
        assert await _alive(world, tenant_id, entity) is alive, arrangement
        assert await world.differences(tenant_id) == []

    tenant_id = await world.add_tenant()
    await world.apply(
        seen(tenant_id, _fact(entity, 1), 2),
        _deleted(tenant_id, entity, 5),
        seen(tenant_id, _fact(entity, 1), pulled_at, pulled=True),
    )
    assert await _alive(world, tenant_id, entity) is alive


async def test_a_deleted_customer_keeps_no_name_and_stays_with_the_orders(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, customer(7)), seen(tenant_id, order(1)))
    versions = await world.apply(seen(tenant_id, Deletion(entity="customers", id=7), 5))

    assert versions == {tenant_id: 2}
    row = await world.row(
        tenant_id, "SELECT email, first_name, last_name, deleted_at FROM store.customers"
    )
    assert (row["email"], row["first_name"], row["last_name"]) == (None, None, None)
    assert (await world.row(tenant_id, "SELECT customer_id FROM store.orders"))["customer_id"] == 7
    copy = customer(7, 8, last_name="again")
    await world.apply(seen(tenant_id, order(2, 8, customer=copy)))
    row = await world.row(tenant_id, "SELECT last_name FROM store.customers")
    assert row["last_name"] is None
    assert await world.differences(tenant_id) == []


async def test_a_deleted_order_counts_nowhere_and_a_lifted_one_everywhere(world: World) -> None:
    tenant_id = await world.add_tenant()
    paid_back = refund(3, 1)
    await world.apply(seen(tenant_id, order(1, refunds=(paid_back,))))
    totals = """SELECT sum(orders) AS orders, sum(revenue) AS revenue, sum(refunded) AS refunded,
        (SELECT sum(gross) FROM store.product_sales) AS gross,
        (SELECT sum(revenue) FROM store.customer_sales) AS spent FROM store.daily_sales"""
    before = await world.row(tenant_id, totals)

    await world.apply(seen(tenant_id, Deletion(entity="orders", id=1), 5))
    assert set((await world.row(tenant_id, totals)).values()) == {0}

    await world.apply(seen(tenant_id, order(1, refunds=(paid_back,)), 6, pulled=True))
    assert await world.row(tenant_id, totals) == before
    assert await world.differences(tenant_id) == []


async def test_a_deletion_of_something_unknown_is_remembered_but_changes_no_data(
    world: World,
) -> None:
    tenant_id = await world.add_tenant()
    gone = [_deleted(tenant_id, entity, 5) for entity in _ENTITIES]
    assert await world.apply(*gone) == {}

    late = [seen(tenant_id, _fact(entity, 9), 9) for entity in _ENTITIES]
    assert (await world.apply(*late)).keys() <= {tenant_id}

    for entity in _ENTITIES:
        assert not await _alive(world, tenant_id, entity)
    assert await world.rows(tenant_id, "SELECT * FROM store.order_lines") == []


async def test_a_refund_of_a_deleted_order_is_left_out(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(_deleted(tenant_id, "orders", 5))

    assert await world.apply(seen(tenant_id, refund(3, 1), 6)) == {}
    assert await world.rows(tenant_id, "SELECT * FROM store.refunds") == []
