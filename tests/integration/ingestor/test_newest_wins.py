"""Whatever the order, the batches and the repetitions: the newest copy is the one that stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.ingestor.facts import Fact, Observation
from tests.integration.ingestor.facts import START, at, customer, line, order, product, seen
from tests.integration.ingestor.world import World

_SETTINGS = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_KINDS = ("customers", "orders", "products")

# (kind, object, updated_at, observed_at, pulled): the last two make ties of updated_at.
_sightings = st.tuples(
    st.sampled_from(_KINDS),
    st.integers(1, 2),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
)
_batches = st.lists(st.lists(_sightings, max_size=5), min_size=1, max_size=4)
Sighting = tuple[str, int, int, int, bool]


def _observation(tenant_id: UUID, sighting: Sighting) -> Observation:
    kind, number, updated, observed, pulled = sighting
    mark = f"{updated}.{observed}"
    fact: Any
    if kind == "customers":
        fact = customer(number, updated, last_name=mark)
    elif kind == "products":
        fact = product(number, updated, title=mark)
    else:
        lines = tuple(line(each, f"{observed + 1}.50") for each in range(1, 2 + updated))
        fact = order(number, updated, name=mark, customer_id=None, lines=lines)
    return seen(tenant_id, fact, 10 + observed, pulled=pulled)


def _newest(sightings: list[Sighting], kind: str) -> dict[int, tuple[int, int]]:
    newest: dict[int, tuple[int, int]] = {}
    for own_kind, number, updated, observed, _ in sightings:
        if own_kind == kind:
            newest[number] = max(newest.get(number, (-1, -1)), (updated, observed))
    return newest


def _pulled(sightings: list[Sighting]) -> dict[tuple[str, int], int]:
    pulled: dict[tuple[str, int], int] = {}
    for kind, number, _, observed, is_pulled in sightings:
        if is_pulled:
            pulled[kind, number] = max(pulled.get((kind, number), -1), observed)
    return pulled


@_SETTINGS
@given(batches=_batches)
@example(batches=[[("orders", 1, 3, 0, False)], [("orders", 1, 0, 3, True)]])
async def test_the_newest_copy_stays_whatever_the_order(
    world: World, batches: list[list[Sighting]]
) -> None:
    tenant_id = await world.add_tenant()
    for batch in batches:
        await world.apply(*(_observation(tenant_id, sighting) for sighting in batch))

    everything = [sighting for batch in batches for sighting in batch]
    pulled = _pulled(everything)
    marks = {"customers": "last_name", "orders": "name", "products": "title"}
    for kind, mark in marks.items():
        rows = await world.rows(
            tenant_id, f"SELECT id, {mark} AS mark, pulled_at FROM store.{kind}"
        )
        newest = _newest(everything, kind)
        assert {row["id"]: row["mark"] for row in rows} == {
            number: f"{updated}.{observed}" for number, (updated, observed) in newest.items()
        }
        for row in rows:
            moment = pulled.get((kind, row["id"]))
            assert row["pulled_at"] == (None if moment is None else at(10 + moment))
    lines = await world.rows(
        tenant_id, "SELECT order_id, count(*) AS lines FROM store.order_lines GROUP BY 1"
    )
    assert {row["order_id"]: row["lines"] for row in lines} == {
        number: updated + 1 for number, (updated, _) in _newest(everything, "orders").items()
    }
    assert await world.differences(tenant_id) == []


async def test_what_is_not_newer_changes_neither_rows_nor_the_data_version(world: World) -> None:
    tenant_id = await world.add_tenant()
    facts = [
        seen(tenant_id, customer(7, 2)),
        seen(tenant_id, product(5, 2)),
        seen(tenant_id, order(1, 2)),
    ]
    assert await world.apply(*facts) == {tenant_id: 1}
    before = await world.rows(tenant_id, "SELECT o.*, o.xmin::text FROM store.orders o")

    assert await world.apply(*facts) == {}
    assert await world.apply(seen(tenant_id, order(1, 1), 1), seen(tenant_id, customer(7, 1))) == {}

    assert await world.rows(tenant_id, "SELECT o.*, o.xmin::text FROM store.orders o") == before


async def test_a_pull_that_sees_the_same_again_raises_no_data_version(world: World) -> None:
    tenant_id = await world.add_tenant()
    facts: list[Fact] = [customer(7), product(5), order(1)]
    await world.apply(*(seen(tenant_id, fact, 1) for fact in facts))

    assert await world.apply(*(seen(tenant_id, fact, 9, pulled=True) for fact in facts)) == {}

    row = await world.row(tenant_id, "SELECT pulled_at, observed_at FROM store.orders")
    assert row == {"pulled_at": at(9), "observed_at": at(9)}


async def test_a_copy_inside_an_order_stands_in_until_the_customer_arrives(world: World) -> None:
    tenant_id = await world.add_tenant()
    inside = customer(7, 5, last_name="in the order")
    await world.apply(seen(tenant_id, order(1, 5, customer=inside)))
    stand_in = "SELECT last_name, updated_at::text FROM store.customers"
    assert await world.row(tenant_id, stand_in) == {
        "last_name": "in the order",
        "updated_at": "-infinity",
    }

    await world.apply(seen(tenant_id, customer(7, 1, last_name="herself"), 1))
    await world.apply(seen(tenant_id, order(2, 6, customer=inside)))

    assert (await world.row(tenant_id, stand_in))["last_name"] == "herself"


async def test_a_guest_order_has_no_customer_and_counts(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, customer_id=None)))

    assert await world.rows(tenant_id, "SELECT * FROM store.customers") == []
    assert await world.rows(tenant_id, "SELECT * FROM store.customer_sales") == []
    assert (await world.row(tenant_id, "SELECT orders FROM store.daily_sales"))["orders"] == 1


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=26_000)])
async def test_a_change_that_is_still_to_come_does_not_outlive_those_before_it(
    world: World, ahead: timedelta
) -> None:
    tenant_id = await world.add_tenant()
    told = order(1, lines=(line(1, "99.00"),))
    await world.apply(seen(tenant_id, replace(told, updated_at=START + ahead), minutes=0))
    await world.apply(seen(tenant_id, order(1, 5, lines=(line(1, "20.00"),))))
    row = await world.row(tenant_id, "SELECT total, updated_at FROM store.orders")
    assert (row["total"], row["updated_at"]) == (20, at(5))
    assert await world.differences(tenant_id) == []
