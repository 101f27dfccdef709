"""After every commit the rollups are what a recompute from the facts would give."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingestor.facts import Deletion, Entity, Observation
from services.ingestor.store.refunds import OrderMissingError
from services.ingestor.store.tenants import ShopFactsMissingError
from tests.integration.ingestor.facts import START, customer, line, order, product, refund, seen
from tests.integration.ingestor.world import World

_SETTINGS = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_cents = st.integers(0, 9_999).map(lambda cents: Decimal(cents) / 100)
_lines = st.lists(
    st.tuples(
        st.integers(1, 3), _cents.map(str), st.integers(0, 3), st.sampled_from([None, 501, 502])
    ),
    max_size=3,
    unique_by=lambda values: values[0],
)


@st.composite
def _orders(draw: st.DrawFn) -> Any:
    number, version = draw(st.integers(1, 2)), draw(st.integers(0, 5))
    return order(
        number,
        version,
        customer_id=draw(st.sampled_from([None, 7, 8])),
        currency=draw(st.sampled_from(["EUR", "EUR", "USD"])),
        processed_at=START + timedelta(hours=draw(st.sampled_from([0, 11, 36]))),
        test=draw(st.sampled_from([False, False, True])),
        discounts=draw(_cents),
        taxes=draw(_cents),
        shipping=draw(_cents),
        lines=tuple(
            line(n, price, quantity, product_id=good) for n, price, quantity, good in draw(_lines)
        ),
        refunds=tuple(
            refund(n, number, draw(st.sampled_from(["2.50", "2.50", "4.00", None])), 60 * n)
            for n in draw(st.lists(st.integers(1, 2), max_size=2, unique=True))
        ),
    )


_facts = st.one_of(
    _orders(),
    _orders(),
    st.builds(customer, st.integers(7, 8), st.integers(0, 5)),
    st.builds(product, st.integers(501, 502), st.integers(0, 5)),
    st.builds(
        lambda entity, number: Deletion(entity=entity, id=number),
        st.sampled_from(["orders", "orders", "customers", "products"]),
        st.sampled_from([1, 2, 7, 501]),
    ),
)
_steps = st.lists(
    st.lists(st.tuples(_facts, st.integers(0, 9), st.booleans()), min_size=1, max_size=4),
    min_size=1,
    max_size=5,
)


@_SETTINGS
@given(steps=_steps, include_test_orders=st.booleans())
async def test_rollups_equal_a_recompute_after_every_batch_of_any_history(
    world: World, steps: list[list[tuple[Any, int, bool]]], *, include_test_orders: bool
) -> None:
    tenant_id = await world.add_tenant(include_test_orders=include_test_orders)
    for step in steps:
        await world.apply(*(_sight(tenant_id, *sighting) for sighting in step))
        assert await world.differences(tenant_id) == []


def _sight(tenant_id: UUID, fact: Any, minutes: int, pulled: bool) -> Observation:
    return seen(tenant_id, fact, minutes, pulled=pulled and not isinstance(fact, Deletion))


async def test_the_audit_names_a_total_that_is_wrong(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1)), seen(tenant_id, product(501)))
    assert await world.differences(tenant_id) == []

    for table in ("daily_sales", "customer_sales", "product_sales"):
        await world.rows(tenant_id, f"UPDATE store.{table} SET units = units + 1 RETURNING 1")
    await world.rows(tenant_id, "UPDATE store.order_lines SET counted = false RETURNING 1")
    await world.rows(tenant_id, "DELETE FROM store.entity_counts RETURNING 1")

    named = {difference.split()[0] for difference in await world.differences(tenant_id)}
    assert named == {
        "daily_sales",
        "customer_sales",
        "product_sales",
        "order_lines",
        "entity_counts",
    }


async def test_days_are_cut_in_the_shops_zone(world: World) -> None:
    moment = datetime(2026, 1, 1, 3, tzinfo=UTC)
    for zone, day in (("America/New_York", date(2025, 12, 31)), ("Asia/Tokyo", date(2026, 1, 1))):
        tenant_id = await world.add_tenant(zone=zone)
        await world.apply(seen(tenant_id, order(1, processed_at=moment)))
        assert (await world.row(tenant_id, "SELECT day FROM store.daily_sales"))["day"] == day


async def test_a_changed_order_moves_from_its_old_day_customer_and_currency(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, refunds=(refund(3, 1),))))
    assert await _sold(world, tenant_id) == [(501, "EUR", 1, Decimal("10.00"))]
    moved = order(
        1,
        1,
        customer_id=8,
        currency="USD",
        processed_at=START + timedelta(days=2),
        lines=(line(2, "4.00", 2), line(3, "1.25")),
    )
    await world.apply(seen(tenant_id, moved))

    days = await world.rows(
        tenant_id,
        """SELECT day, currency, orders, units, revenue, refunded FROM store.daily_sales
        WHERE orders <> 0 OR refunded <> 0 ORDER BY day""",
    )
    assert [tuple(row.values()) for row in days] == [
        (date(2026, 3, 7), "USD", 0, 0, 0, Decimal("3.00")),
        (date(2026, 3, 9), "USD", 1, 3, Decimal("9.25"), 0),
    ]
    customers = await world.rows(
        tenant_id, "SELECT customer_id, revenue FROM store.customer_sales WHERE orders <> 0"
    )
    assert customers == [{"customer_id": 8, "revenue": Decimal("9.25")}]
    assert await _sold(world, tenant_id) == [
        (502, "USD", 2, Decimal("8.00")),
        (503, "USD", 1, Decimal("1.25")),
    ]


async def test_lines_that_change_or_go_take_their_sales_with_them(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, lines=(line(1), line(2, "2.00"), line(3, "3.00")))))
    await world.apply(
        seen(tenant_id, order(1, 1, lines=(line(1, product_id=502), line(3, "4.00"))))
    )

    assert await _sold(world, tenant_id) == [
        (502, "EUR", 1, Decimal("10.00")),
        (503, "EUR", 1, Decimal("4.00")),
    ]
    await world.apply(seen(tenant_id, order(1, 2, lines=())))
    assert await _sold(world, tenant_id) == []
    assert await world.rows(tenant_id, "SELECT * FROM store.order_lines") == []


async def _sold(world: World, tenant_id: UUID) -> list[tuple[Any, ...]]:
    rows = await world.rows(
        tenant_id,
        """SELECT product_id, currency, units, gross FROM store.product_sales
        WHERE units <> 0 OR gross <> 0 ORDER BY product_id, currency""",
    )
    return [tuple(row.values()) for row in rows]


async def test_a_refund_is_counted_once_on_its_own_day(world: World) -> None:
    tenant_id = await world.add_tenant()
    paid_back = refund(3, 1, "4.20", minutes=3 * 24 * 60)
    await world.apply(seen(tenant_id, order(1)))
    assert await world.apply(seen(tenant_id, paid_back)) == {tenant_id: 2}
    assert await world.apply(seen(tenant_id, paid_back, 50)) == {}
    assert await world.apply(seen(tenant_id, order(1, refunds=(paid_back,)))) == {}

    refunded = await world.rows(
        tenant_id, "SELECT day, refunded FROM store.daily_sales WHERE refunded <> 0"
    )
    assert refunded == [{"day": date(2026, 3, 10), "refunded": Decimal("4.20")}]


async def _refunded(world: World, tenant_id: UUID) -> tuple[Any, Any, bool]:
    """Of the day and of the only refund, and whether that is still to be read."""
    row = await world.row(
        tenant_id,
        """SELECT amount, untold, (SELECT sum(refunded) FROM store.daily_sales) AS refunded
        FROM store.refunds""",
    )
    assert await world.differences(tenant_id) == []
    return row["refunded"], row["amount"], row["untold"]


async def test_a_refund_that_a_delivery_cannot_tell_is_worth_nothing_until_it_is_told(
    world: World,
) -> None:
    tenant_id = await world.add_tenant()
    untold = refund(3, 1, None)
    assert await world.apply(seen(tenant_id, order(1, refunds=(untold,)))) == {tenant_id: 1}
    assert await _refunded(world, tenant_id) == (0, 0, True)
    # A page's clock has whole seconds: what it tells may look older than what asked for it.
    told = order(1, refunds=(refund(3, 1, "4.20"),))
    assert await world.apply(seen(tenant_id, told, -1, pulled=True)) == {tenant_id: 2}
    paid = Decimal("4.20")
    assert await _refunded(world, tenant_id) == (paid, paid, False)
    assert await world.apply(seen(tenant_id, untold, 5)) == {}
    assert await _refunded(world, tenant_id) == (paid, paid, False)


async def test_the_amount_that_a_pull_saw_last_is_the_refunds(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1)), seen(tenant_id, refund(3, 1, "650"), 1))
    for amount, minutes, pulled, expected in (
        ("700", 2, False, "650"),
        ("4.20", 0, True, "650"),
        ("4.20", 3, True, "4.20"),
        ("650", 4, False, "4.20"),
        ("4.10", 5, True, "4.10"),
    ):
        await world.apply(seen(tenant_id, refund(3, 1, amount), minutes, pulled=pulled))
        held = Decimal(expected)
        assert await _refunded(world, tenant_id) == (held, held, False)


async def test_of_the_copies_in_one_batch_the_one_that_tells_the_amount_counts(
    world: World,
) -> None:
    tenant_id = await world.add_tenant()
    copies = [refund(3, 1, None), refund(3, 1, "2.00"), refund(3, 1, None)]
    await world.apply(seen(tenant_id, order(1)), *(seen(tenant_id, each) for each in copies))
    assert await _refunded(world, tenant_id) == (2, 2, False)


async def test_a_refund_before_its_order_is_to_be_tried_again(world: World) -> None:
    tenant_id = await world.add_tenant()
    with pytest.raises(OrderMissingError):
        await world.apply(seen(tenant_id, customer(7)), seen(tenant_id, refund(3, 1)))

    assert await world.rows(tenant_id, "SELECT * FROM store.customers") == []
    assert await world.apply(seen(tenant_id, refund(3, 1)), seen(tenant_id, order(1)))


async def test_facts_before_the_shops_own_are_to_be_tried_again(world: World) -> None:
    tenant_id = await world.add_tenant(shop=False)
    with pytest.raises(ShopFactsMissingError):
        await world.apply(seen(tenant_id, order(1)))


async def test_an_order_of_500_lines_and_a_huge_id_is_kept_whole(world: World) -> None:
    tenant_id = await world.add_tenant()
    big = 2**63 - 1
    lines = tuple(line(n, "0.125", product_id=500) for n in range(1, 543))
    await world.apply(seen(tenant_id, order(big, lines=lines)))

    row = await world.row(
        tenant_id,
        "SELECT id, total, units, (SELECT gross FROM store.product_sales) FROM store.orders",
    )
    assert row == {"id": big, "total": Decimal("67.75"), "units": 542, "gross": Decimal("67.75")}


_COUNTED: tuple[Entity, ...] = ("customers", "orders", "products")


async def test_test_orders_are_kept_but_not_counted(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, test=True)), seen(tenant_id, product(5)))

    counts = await world.rows(tenant_id, "SELECT entity, records FROM store.entity_counts")
    found = {row["entity"]: row["records"] for row in counts}
    assert [found.get(entity, 0) for entity in _COUNTED] == [1, 0, 1]
    assert await world.rows(tenant_id, "SELECT 1 FROM store.daily_sales WHERE orders <> 0") == []
    assert (await world.row(tenant_id, "SELECT test FROM store.orders"))["test"] is True
