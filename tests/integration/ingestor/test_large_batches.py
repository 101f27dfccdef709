"""A large batch leaves what the same facts leave in small ones, though its rows go another way."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.ingestor.entities.order_transactions import OrderTransaction
from services.ingestor.facts import Observation, Records
from tests.integration.ingestor.facts import at, customer, line, order, seen
from tests.integration.ingestor.world import World

_ORDERS, _FEW = 300, 60
_TITLES = [
    "Müller's cup",
    'a "quoted"\ttab',
    "back\\slash \\N",
    "line\nbreak",
    "NULL",
    "湯呑み",
    "",
]
_TABLES = {"orders": "id", "order_lines": "order_id, id", "customers": "id"}


def _batch(tenant_id: UUID, version: float) -> list[Observation]:
    """Orders that differ in all that may be empty, odd or large."""
    return [
        seen(
            tenant_id,
            order(
                number,
                version,
                name=None if number % 5 == 0 else f"{_TITLES[number % 7]} v{version}",
                customer_id=None if number % 4 == 0 else number % 40,
                customer=customer(number % 40) if number % 4 == 1 else None,
                processed_at=at(number * 97),
                cancelled_at=at(number) if number % 9 == 0 else None,
                presentment_total=None if number % 3 == 0 else Decimal("12345678901234567.89"),
                test=number % 11 == 0,
                lines=tuple(
                    line(2**62 + place, f"{number}.0{place}", place, title=_TITLES[number % 7])
                    for place in range(number % 4)
                ),
            ),
        )
        for number in range(_ORDERS)
    ]


def _payments(tenant_id: UUID, version: float) -> list[Observation]:
    return [
        seen(
            tenant_id,
            Records(
                entity="order_transactions",
                rows=(
                    OrderTransaction(
                        id=number,
                        order_id=number % 50,
                        parent_id=None if number % 2 else number + 1,
                        kind="sale",
                        status=f"v{version}",
                        gateway=_TITLES[number % 7],
                        test=number % 11 == 0,
                        amount=None if number % 5 == 0 else Decimal(f"{number}.005"),
                        currency="EUR",
                        presentment_amount=Decimal("-1E+3"),
                        presentment_currency=None,
                        processed_at=None if number % 3 == 0 else at(number),
                        created_at=at(number / 7),
                        updated_at=at(version),
                    ),
                ),
            ),
            version + 1,
            pulled=number % 4 > 0,
        )
        for number in range(_ORDERS)
    ]


async def _stored(world: World, tenant_id: UUID) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    return {
        table: [
            {name: value for name, value in row.items() if name != "tenant_id"}
            for row in await world.rows(
                tenant_id, f"SELECT * FROM store.{table} WHERE tenant_id = :tenant ORDER BY {key}"
            )
        ]
        for table, key in _TABLES.items()
    }


async def test_a_large_batch_leaves_what_its_facts_leave_in_small_ones(world: World):
    whole, parts = await world.add_tenant(), await world.add_tenant()
    for version in (0, 1):
        await world.apply(*_batch(whole, version))
        observations = _batch(parts, version)
        for place in range(0, _ORDERS, _FEW):
            await world.apply(*observations[place : place + _FEW])

    stored = await _stored(world, whole)
    assert (len(stored["orders"]), len(stored["order_lines"])) == (_ORDERS, 450)
    assert stored == await _stored(world, parts)
    assert await world.differences(whole) == []


async def test_a_large_batch_of_a_further_entity_leaves_what_small_ones_leave(world: World):
    whole, parts = await world.add_tenant(), await world.add_tenant()
    for version in (0, 1):
        await world.apply(*_payments(whole, version))
        observations = _payments(parts, version)
        for place in range(0, _ORDERS, _FEW):
            await world.apply(*observations[place : place + _FEW])

    [stored, expected] = [
        await world.rows(
            tenant, "SELECT * FROM store.order_transactions WHERE tenant_id = :tenant ORDER BY id"
        )
        for tenant in (whole, parts)
    ]
    assert len(stored) == _ORDERS
    assert [{**row, "tenant_id": parts} for row in stored] == expected
    assert await world.differences(whole) == []


async def test_what_one_batch_brought_is_not_written_again_by_the_next(world: World):
    first, second = await world.add_tenant(), await world.add_tenant()
    await world.apply(*_batch(first, 0))
    versions = await world.apply(*_batch(second, 0))

    assert list(versions) == [second]
    assert (await _stored(world, first)) == (await _stored(world, second))
