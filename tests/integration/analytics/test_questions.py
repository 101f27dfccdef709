"""A question is answered for the asking tenant alone, or refused with the reason named."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.analytics.conftest import Analytics
from tests.integration.analytics.shop_facts import Customer, Order, Shop

NewShop = Callable[..., Awaitable[Shop]]
DAY = date(2026, 5, 5)


def _one_order(total: int = 10) -> dict[str, Any]:
    return {
        "customers": [Customer(1, "Ada", "Lovelace", "ada@example.com")],
        "orders": [Order(1, DAY, Decimal(total), customer_id=1)],
    }


async def test_a_tenant_of_whom_nothing_is_known_yet_gets_zeros(
    analytics: Analytics, new_shop: NewShop
):
    shop = await new_shop()

    summary = await analytics.ask(shop.tenant_id, "summary")
    orders = await analytics.ask(shop.tenant_id, "orders")

    assert summary == {
        "totalCustomers": 0,
        "totalOrders": 0,
        "totalRevenue": "0.00",
        "averageOrderValue": None,
        "topCustomers": [],
        "currency": None,
        "zone": None,
        "firstOrderDate": None,
        "lastOrderDate": None,
        "impossibleDates": {"orderCount": 0, "revenue": "0.00", "orders": []},
        "otherCurrencies": [],
        "partial": True,
        "freshness": {"dataVersion": "0", "changedAt": None},
    }
    assert (orders["from"], orders["to"], orders["days"]) == (None, None, [])
    assert orders["totals"] == {"orderCount": 0, "revenue": "0.00"}


async def test_no_tenant_sees_another_ones_numbers(analytics: Analytics, new_shop: NewShop):
    mine, other = await new_shop(**_one_order(10)), await new_shop(**_one_order(99))
    await mine.write()
    await other.write()

    for path in ("summary", "top-customers", "orders"):
        before = await analytics.get(mine.tenant_id, path)
        assert "99" not in before.text.split('"freshness"')[0]
    summary = await analytics.ask(mine.tenant_id, "summary")
    assert (summary["totalOrders"], summary["totalRevenue"]) == (1, "10.00")


async def test_five_customers_are_the_most_and_one_is_the_least(
    analytics: Analytics, new_shop: NewShop
):
    shop = await new_shop(
        customers=[Customer(n) for n in range(1, 9)],
        orders=[Order(n, DAY, Decimal(n), customer_id=n) for n in range(1, 9)],
    )
    await shop.write()

    for limit, answered in (("1", 1), ("5", 5), ("6", 5), ("1000000", 5)):
        top = await analytics.ask(shop.tenant_id, "top-customers", limit=limit)
        assert len(top["customers"]) == answered
    for limit in ("0", "-1", "five", "", "1.5"):
        refused = await analytics.get(shop.tenant_id, "top-customers", limit=limit)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "VALIDATION_FAILED"


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "2026-1-1", "2026-02-30", "2026-13-01", "0000-01-01", "20260101", "2026-W01-1"),
        *("2026-01-01T00:00:00", "2026-01-01\n", " 2026-01-01", "\u0662026-01-01"),
    ],
)
@pytest.mark.parametrize("parameter", ["from", "to"])
async def test_a_bad_date_is_refused_by_the_name_of_its_parameter(
    analytics: Analytics, parameter: str, text: str
):
    refused = await analytics.get(uuid4(), "orders", **{parameter: text})

    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["code"] == "VALIDATION_INVALID_DATE"
    assert error["details"] == {"parameter": parameter}
    assert error["retryable"] is False


async def test_a_range_that_is_reversed_or_absurdly_long_is_refused(
    analytics: Analytics, new_shop: NewShop
):
    shop = await new_shop(**_one_order())
    await shop.write()
    ranges = [
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "1900-01-01", "to": "2000-03-17"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
    ]

    for asked in ranges:
        refused = await analytics.get(shop.tenant_id, "orders", **asked)
        assert refused.status_code == 400, asked
        assert refused.json()["error"]["code"] == "VALIDATION_INVALID_RANGE"
    longest_range = {"from": "1900-01-01", "to": "2000-03-16"}
    longest = await analytics.ask(shop.tenant_id, "orders", **longest_range)
    assert len(longest["days"]) == 36_600


async def test_an_open_end_reaches_to_the_first_or_the_last_order(
    analytics: Analytics, new_shop: NewShop
):
    shop = await new_shop(
        orders=[Order(n, date(2026, 5, n), Decimal(1)) for n in (3, 9)],
    )
    await shop.write()

    async def ends(**asked: str) -> tuple[str, str, int]:
        answer = await analytics.ask(shop.tenant_id, "orders", **asked)
        return answer["from"], answer["to"], len(answer["days"])

    assert await ends() == ("2026-05-03", "2026-05-09", 7)
    assert await ends(**{"from": "2026-05-05"}) == ("2026-05-05", "2026-05-09", 5)
    assert await ends(to="2026-05-05") == ("2026-05-03", "2026-05-05", 3)
    assert await ends(**{"from": "2026-06-01"}) == ("2026-06-01", "2026-06-01", 1)
    assert await ends(to="2026-01-01") == ("2026-01-01", "2026-01-01", 1)


async def test_figures_are_partial_until_the_newest_backfill_succeeded(
    analytics: Analytics, new_shop: NewShop
):
    shop = await new_shop(**_one_order())
    await shop.write()

    async def partial() -> bool:
        return bool((await analytics.ask(shop.tenant_id, "summary"))["partial"])

    assert await partial()
    await shop.pull("running", at=datetime(2026, 11, 2, tzinfo=UTC))
    assert await partial()
    await shop.pull("succeeded", at=datetime(2026, 11, 3, tzinfo=UTC))
    assert not await partial()
    await shop.pull("failed", kind="reconciliation", at=datetime(2026, 11, 4, tzinfo=UTC))
    assert not await partial()
    await shop.pull("mismatch", at=datetime(2026, 11, 5, tzinfo=UTC))
    assert await partial()


async def test_figures_are_whole_once_the_sales_are_in_whatever_else_is_read(
    analytics: Analytics, new_shop: NewShop
):
    shop = await new_shop(**_one_order())
    await shop.write()

    async def partial() -> bool:
        return bool((await analytics.ask(shop.tenant_id, "summary"))["partial"])

    sales = {"customers": "done", "orders": "done", "products": "importing"}
    at = datetime(2026, 11, 2, tzinfo=UTC)
    await shop.pull("running", at=at, entities={**sales, "locations": "done"})
    assert await partial()
    await shop.pull(
        "running",
        at=at + timedelta(days=1),
        entities={**sales, "products": "done", "locations": "waiting"},
    )
    assert not await partial()


async def test_a_new_data_version_is_seen_at_once(analytics: Analytics, new_shop: NewShop):
    shop = await new_shop(**_one_order(10))
    await shop.write(version=1)
    before = await analytics.ask(shop.tenant_id, "summary")
    assert await analytics.ask(shop.tenant_id, "summary") == before

    shop.orders.append(Order(2, DAY, Decimal(5), customer_id=1))
    await shop.write(version=2)
    after = await analytics.ask(shop.tenant_id, "summary")

    assert (before["totalRevenue"], after["totalRevenue"]) == ("10.00", "15.00")
    assert after["freshness"]["dataVersion"] == "2"
