"""A date on which nobody can have sold costs neither its order nor any figure of the shop."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from libs.common.clock import utc_now
from libs.common.database.transaction import in_transaction, transaction
from libs.common.messaging.publisher import Publisher
from services.analytics import answers
from services.analytics.queries import read_stamp
from services.analytics.schemas import OrdersByDay, Summary
from services.ingestor.deliveries.handle import handle_deliveries
from services.ingestor.facts import Deletion
from services.ingestor.store.days import date_due
from services.ingestor.store.recut import recut
from services.ingestor.values import EARLIEST, LATEST
from tests.factories import new_delivery
from tests.integration.ingestor.facts import line, order, refund, seen
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import order_body

_AGES = timedelta(days=10)
_COPIED = 300
"""Rows that go another way into the database than a few do."""
_SPREADSHEET_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
_IMPOSSIBLE = (EARLIEST, LATEST, _SPREADSHEET_ZERO, datetime(2099, 11, 2, tzinfo=UTC), None)


async def _summary(world: World, tenant_id: UUID) -> Summary:
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        return await answers.summary(tx, tenant_id, await read_stamp(tx, tenant_id))


async def _all_time(world: World, tenant_id: UUID) -> OrdersByDay:
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        return await answers.orders_by_day(
            tx, tenant_id, await read_stamp(tx, tenant_id), None, None
        )


async def _days(world: World, tenant_id: UUID) -> list[str]:
    found = await world.rows(
        tenant_id, "SELECT day::text FROM store.daily_sales WHERE orders <> 0 ORDER BY day"
    )
    return [row["day"] for row in found]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC", "Pacific/Kiritimati"])
@pytest.mark.parametrize("processed_at", _IMPOSSIBLE)
@pytest.mark.parametrize("orders", [1, _COPIED])
async def test_an_order_of_an_impossible_date_counts_in_all_time_and_on_no_day(
    world: World, zone: str, processed_at: datetime | None, orders: int
) -> None:
    tenant_id = await world.add_tenant(zone=zone)
    odd = [seen(tenant_id, order(n, processed_at=processed_at)) for n in range(2, 2 + orders)]
    await world.apply(seen(tenant_id, order(1)), *odd)

    summary, all_time = await _summary(world, tenant_id), await _all_time(world, tenant_id)

    total = Decimal("10.00") * (1 + orders)
    assert (summary.total_orders, summary.total_revenue) == (1 + orders, total)
    assert summary.average_order_value == Decimal("10.00")
    assert [one.total_revenue for one in summary.top_customers] == [total]
    assert summary.first_order_date == summary.last_order_date == all_time.from_ == all_time.to
    assert (all_time.totals.order_count, all_time.totals.revenue) == (1, Decimal("10.00"))
    impossible = summary.impossible_dates
    assert (impossible.order_count, impossible.revenue) == (orders, total - Decimal("10.00"))
    assert len(impossible.orders) == min(orders, 10)
    assert impossible.orders[-1 if orders == 1 else 0].order_name == f"#{1 + orders}"
    stored = await world.row(tenant_id, "SELECT processed_at FROM store.orders WHERE id = 2")
    assert stored["processed_at"] == processed_at
    assert await world.differences(tenant_id) == []


async def test_an_order_moves_to_its_day_when_its_date_is_put_right_and_back(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1, processed_at=_SPREADSHEET_ZERO)))
    assert await _days(world, tenant_id) == []

    await world.apply(seen(tenant_id, order(1, 1)))
    assert await _days(world, tenant_id) == ["2026-03-07"]
    assert (await _summary(world, tenant_id)).impossible_dates.order_count == 0
    assert await world.differences(tenant_id) == []

    await world.apply(seen(tenant_id, order(1, 2, processed_at=None)))
    assert await _days(world, tenant_id) == []
    [told] = (await _summary(world, tenant_id)).impossible_dates.orders
    assert (told.order_id, told.order_name, told.date) == ("1", "#1", None)
    assert await world.differences(tenant_id) == []


async def test_what_becomes_of_such_an_order_leaves_no_trace_in_the_figures(world: World) -> None:
    tenant_id = await world.add_tenant()
    odd = order(1, processed_at=_SPREADSHEET_ZERO, refunds=(refund(5, 1), refund(6, 1, minutes=5)))
    await world.apply(seen(tenant_id, odd))
    await world.apply(seen(tenant_id, order(1, 1, processed_at=_SPREADSHEET_ZERO, currency="USD")))
    assert await world.differences(tenant_id) == []
    impossible = (await _summary(world, tenant_id)).impossible_dates
    assert (impossible.order_count, impossible.revenue) == (1, 0)

    await world.apply(seen(tenant_id, Deletion(entity="orders", id=1), minutes=9))
    summary = await _summary(world, tenant_id)
    assert (summary.total_orders, summary.impossible_dates.order_count) == (0, 0)
    assert await world.differences(tenant_id) == []


@pytest.mark.parametrize("refunded_at", _IMPOSSIBLE)
async def test_a_refund_of_an_impossible_date_is_on_no_day(
    world: World, refunded_at: datetime | None
) -> None:
    tenant_id = await world.add_tenant()
    paid_back = replace(refund(5, 1), created_at=refunded_at)
    await world.apply(seen(tenant_id, order(1, refunds=(paid_back,))))
    undated = await world.row(tenant_id, "SELECT orders, refunded FROM store.undated_sales")
    assert (undated["orders"], undated["refunded"]) == (0, Decimal("3.00"))
    assert await _days(world, tenant_id) == ["2026-03-07"]
    assert await world.differences(tenant_id) == []
    await world.apply(seen(tenant_id, Deletion(entity="orders", id=1), minutes=9))
    assert await world.differences(tenant_id) == []


async def test_tomorrow_is_possible_and_the_day_after_is_once_it_is_near(world: World) -> None:
    tenant_id = await world.add_tenant(zone="UTC")
    now = utc_now().replace(hour=12, minute=0, second=0, microsecond=0)
    tomorrow = now + timedelta(days=1)
    ahead = now + _AGES
    paid_back = replace(refund(5, 2), created_at=ahead)
    await world.apply(
        seen(tenant_id, order(1, processed_at=tomorrow)),
        seen(tenant_id, order(2, processed_at=ahead, refunds=(paid_back,))),
    )
    assert await _days(world, tenant_id) == [tomorrow.date().isoformat()]
    await world.rows(
        tenant_id, "INSERT INTO store.schedule (tenant_id) VALUES (:tenant) RETURNING 1"
    )

    await date_due(world.engine)
    assert await _days(world, tenant_id) == [tomorrow.date().isoformat()]
    for table, moment in (("orders", "processed_at"), ("refunds", "created_at")):
        # As if ten days had passed.
        await world.rows(
            tenant_id,
            f"UPDATE store.{table} SET {moment} = {moment} - interval '10 days', "
            "observed_at = observed_at - interval '10 days' WHERE day IS NULL RETURNING 1",
        )
    assert await world.differences(tenant_id) == []
    before = (await world.row(tenant_id, "SELECT version FROM store.versions"))["version"]

    assert await date_due(world.engine) >= 1

    days = [now.date().isoformat(), tomorrow.date().isoformat()]
    assert await _days(world, tenant_id) == days
    assert (await world.row(tenant_id, "SELECT version FROM store.versions"))["version"] > before
    assert (await _summary(world, tenant_id)).impossible_dates.order_count == 0
    assert await world.differences(tenant_id) == []


async def test_a_recut_gives_days_and_takes_them_by_the_same_rule(world: World) -> None:
    tenant_id = await world.add_tenant(zone="Asia/Tokyo")
    # The first of January there, the last of December elsewhere.
    edge = datetime(1989, 12, 31, 20, tzinfo=UTC)
    await world.apply(
        seen(tenant_id, order(1, processed_at=edge)),
        seen(tenant_id, order(2, processed_at=EARLIEST, refunds=(refund(5, 2),))),
    )
    assert await _days(world, tenant_id) == ["1990-01-01"]
    for zone, days in (("America/New_York", []), ("Asia/Tokyo", ["1990-01-01"])):
        await world.rows(tenant_id, f"UPDATE store.shops SET zone = '{zone}' RETURNING 1")
        await in_transaction(world.engine, lambda tx: recut(tx, tenant_id), tenants=[tenant_id])
        assert await _days(world, tenant_id) == days
        assert await world.differences(tenant_id) == []
        assert (await _summary(world, tenant_id)).total_orders == 2


async def test_the_audit_names_a_day_that_nobody_gave(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(
        seen(tenant_id, order(1)),
        seen(tenant_id, order(2, processed_at=_SPREADSHEET_ZERO, lines=(line(1, "20.00"),))),
    )
    await world.rows(tenant_id, "UPDATE store.orders SET day = NULL WHERE id = 1 RETURNING 1")
    await world.rows(
        tenant_id, "UPDATE store.orders SET day = '1899-12-30' WHERE id = 2 RETURNING 1"
    )
    named = await world.differences(tenant_id)
    assert {"orders 1", "orders 2", "undated_sales EUR"} <= set(named)


async def test_a_day_that_an_earlier_release_gave_spoils_no_answer(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1)))
    for day in ("-infinity", "0001-12-31 BC", "1899-12-30", "11000-01-01", "infinity"):
        await world.rows(
            tenant_id,
            "INSERT INTO store.daily_sales (tenant_id, day, currency, orders, revenue) "
            f"VALUES (:tenant, '{day}', 'EUR', 1, 1) RETURNING 1",
        )
    summary, all_time = await _summary(world, tenant_id), await _all_time(world, tenant_id)
    assert (summary.total_orders, summary.total_revenue) == (1, 15)
    assert summary.first_order_date == summary.last_order_date == all_time.from_ == all_time.to


_ODD = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=8)
    | st.lists(st.integers(), max_size=2)
)
_MOMENTS = st.one_of(
    st.sampled_from(
        (
            "0000-12-31T18:03:24-05:50",
            "0001-01-01T04:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "1899-12-30T00:00:00Z",
            "2099-11-02T10:15:00Z",
            "9999-12-31T23:59:59-05:00",
        )
    ),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    _ODD,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    odd=st.dictionaries(
        st.sampled_from(("processed_at", "created_at", "updated_at", "cancelled_at")), _MOMENTS
    ),
    more=st.dictionaries(
        st.sampled_from(("name", "customer", "refunds", "test", "subtotal_price", "line_items")),
        _ODD,
    ),
)
async def test_whatever_is_odd_the_order_is_kept_and_every_figure_answers(
    world: World, publisher: Publisher, odd: dict[str, Any], more: dict[str, Any]
) -> None:
    tenant_id = await world.add_tenant(zone="America/Los_Angeles")
    bodies = [order_body(id=1), order_body(id=2, **(odd | more))]
    deliveries = [
        new_delivery(tenant_id, "orders/create", json.dumps(body).encode()) for body in bodies
    ]

    await handle_deliveries(world.engine, deliveries, publisher)

    kept = await world.rows(tenant_id, "SELECT * FROM store.orders")
    assert len(kept) == 2
    summary, all_time = await _summary(world, tenant_id), await _all_time(world, tenant_id)
    apart = summary.impossible_dates.order_count
    assert summary.total_orders == all_time.totals.order_count + apart
    assert await world.differences(tenant_id) == []


async def test_what_could_not_be_read_is_counted_by_topic_and_field(
    world: World, publisher: Publisher
) -> None:
    tenant_id, other = await world.add_tenant(), await world.add_tenant()
    bodies = (
        order_body(id=1, processed_at="yesterday", name=5),
        order_body(id=2, processed_at="0000-01-01T00:00:00Z"),
        order_body(id=3),
    )
    batch = [new_delivery(tenant_id, "orders/updated", body) for body in bodies]
    batch.append(new_delivery(other, "orders/create", order_body(id=4, note="Mug \x00")))
    for _ in range(2):
        # The second time nothing is fresh, and nothing is counted.
        await handle_deliveries(world.engine, batch, publisher)

    found = await world.rows(
        tenant_id, "SELECT topic, field, records FROM store.unreadable_fields ORDER BY field"
    )
    assert [tuple(row.values()) for row in found] == [
        ("orders/updated", "name", 1),
        ("orders/updated", "processed_at", 2),
    ]
    assert await world.rows(other, "SELECT * FROM store.unreadable_fields") == []
