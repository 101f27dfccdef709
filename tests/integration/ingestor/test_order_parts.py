"""The parts of an order end the same in whatever order their copies come, and with the order."""

from datetime import datetime
from itertools import permutations
from typing import Any
from uuid import UUID

from services.ingestor.entities.fulfillments import Fulfillment
from services.ingestor.facts import Deletion, Observation, Records
from tests.integration.ingestor.facts import START, at, order, seen
from tests.integration.ingestor.world import World

_ROWS = "SELECT * FROM store.fulfillments WHERE deleted_at IS NULL"


def _sent(version: float, status: str | None = None, **values: Any) -> Records:
    row = Fulfillment(
        id=1,
        order_id=77,
        name="#77.1",
        status="success",
        shipment_status=status,
        location_id=None,
        quantity=1,
        created_at=START,
        updated_at=at(version),
        **values,
    )
    return Records(entity="fulfillments", rows=(row,))


def _whole(version: float, *, at_all: bool = True) -> Records:
    """All that the order had then."""
    rows = _sent(version).rows if at_all else ()
    return Records(entity="fulfillments", rows=rows, owner_id=77)


def _pulled(tenant_id: UUID, version: float, minutes: float, come: datetime | None) -> Observation:
    word = "delivered" if come else "in_transit"
    return seen(tenant_id, _sent(version, word, delivered_at=come), minutes, pulled=True)


async def test_what_only_pulls_know_is_as_the_last_pull_saw_it(world: World) -> None:
    orders = [*permutations(range(4))]
    tenants = [await world.add_tenant() for _ in orders]
    copies = [
        [
            _pulled(tenant, 1, 1.5, None),
            seen(tenant, _sent(2, "out_for_delivery"), 2.5),
            _pulled(tenant, 3, 3.5, at(3)),
            seen(tenant, _sent(4, "failure"), 4.5),
        ]
        for tenant in tenants
    ]

    for turn in range(4):
        turns = zip(copies, orders, strict=True)
        await world.apply(*(ours[places[turn]] for ours, places in turns))

    for tenant in tenants:
        row = await world.row(tenant, _ROWS)
        assert (row["shipment_status"], row["delivered_at"]) == ("failure", at(3))
        assert (row["updated_at"], row["pulled_at"]) == (at(4), at(3.5))
        assert await world.differences(tenant) == []


async def test_what_a_delivery_said_first_stays_until_a_pull_knows_better(world: World) -> None:
    tenant = await world.add_tenant()
    await world.apply(seen(tenant, _sent(1, in_transit_at=at(1)), 1))
    await world.apply(seen(tenant, _sent(2), 2))
    assert (await world.row(tenant, _ROWS))["in_transit_at"] == at(1)

    await world.apply(seen(tenant, _sent(2, in_transit_at=at(2)), 3, pulled=True))
    await world.apply(seen(tenant, _sent(4, in_transit_at=at(1)), 4))
    assert (await world.row(tenant, _ROWS))["in_transit_at"] == at(2)


async def test_an_order_takes_along_even_what_comes_after_its_deletion(world: World) -> None:
    orders = [*permutations(range(3))]
    tenants = [await world.add_tenant() for _ in orders]
    facts = [
        [
            seen(tenant, order(77), 1),
            seen(tenant, _sent(1), 2),
            seen(tenant, Deletion(entity="orders", id=77), 3),
        ]
        for tenant in tenants
    ]

    for turn in range(3):
        turns = zip(facts, orders, strict=True)
        await world.apply(*(ours[places[turn]] for ours, places in turns))

    for tenant in tenants:
        assert await world.rows(tenant, _ROWS) == []
        assert await world.differences(tenant) == []


async def test_a_pull_that_sees_the_order_again_brings_its_parts_back(world: World) -> None:
    tenant = await world.add_tenant()
    await world.apply(seen(tenant, order(77), 1), seen(tenant, _sent(1), 2))
    await world.apply(seen(tenant, Deletion(entity="orders", id=77), 3))
    back = [seen(tenant, fact, 4, pulled=True) for fact in (order(77), _whole(1))]

    await world.apply(*back)

    assert len(await world.rows(tenant, _ROWS)) == 1
    assert await world.differences(tenant) == []


async def test_what_a_whole_list_leaves_out_is_gone_unless_it_was_seen_later(world: World) -> None:
    tenant, other = await world.add_tenant(), await world.add_tenant()
    await world.apply(seen(tenant, _sent(1), 2), seen(other, _sent(1), 4))

    await world.apply(*(seen(each, _whole(1, at_all=False), 3) for each in (tenant, other)))

    assert await world.rows(tenant, _ROWS) == []
    assert len(await world.rows(other, _ROWS)) == 1
