"""Every number equals what counting and adding up the shop's own records gives."""

import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from uuid import UUID

from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.database.transaction import Transaction
from services.analytics import answers
from services.analytics.cache import AnswerCache
from services.analytics.queries import Stamp
from services.analytics.routes import Reader
from services.analytics.schemas import Summary
from tests.databases import Database
from tests.integration.analytics.conftest import Analytics
from tests.integration.analytics.shop_facts import Customer, Order, Shop

NewShop = Callable[..., Awaitable[Shop]]
FIRST_DAY = date(2026, 1, 1)
BIG_ID = 7_000_000_000_000_000_000
"""Beyond 2^53: a JSON number would lose its last digits."""


def random_facts(seed: int) -> tuple[list[Customer], list[Order]]:
    chance = random.Random(seed)
    customers = [Customer(BIG_ID + n, f"F{n}", f"L{n}", f"c{n}@example.com") for n in range(12)]
    customers.append(Customer(BIG_ID + 99, "Gone", "Away", deleted=True))
    orders = [
        Order(
            id=BIG_ID + n,
            day=FIRST_DAY + timedelta(days=chance.randrange(90)),
            total=Decimal(chance.randrange(1_000_000)) / 100,
            customer_id=BIG_ID + chance.randrange(12) if chance.random() < 0.8 else None,
            currency="EUR" if chance.random() < 0.1 else "USD",
            test=chance.random() < 0.1,
            deleted=chance.random() < 0.1,
        )
        for n in range(200)
    ]
    return customers, orders


async def test_the_summary_is_the_sum_of_the_orders(analytics: Analytics, new_shop: NewShop):
    customers, orders = random_facts(seed=11)
    shop = await new_shop(customers=customers, orders=orders)
    await shop.write(version=7)

    summary = await analytics.ask(shop.tenant_id, "summary")

    counted = [order for order in orders if order.counted]
    dollars = [order.total for order in counted if order.currency == "USD"]
    euros = [order.total for order in counted if order.currency == "EUR"]
    assert summary["totalCustomers"] == 12
    assert summary["totalOrders"] == len(counted)
    assert Decimal(summary["totalRevenue"]) == sum(dollars)
    average = (sum(dollars) / len(dollars)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert Decimal(summary["averageOrderValue"]) == average
    assert summary["currency"] == "USD"
    assert summary["otherCurrencies"] == [
        {"currency": "EUR", "orderCount": len(euros), "revenue": f"{sum(euros):.2f}"}
    ]
    assert summary["firstOrderDate"] == str(min(order.day for order in counted))
    assert summary["lastOrderDate"] == str(max(order.day for order in counted))
    assert summary["freshness"]["dataVersion"] == "7"


async def test_the_top_customers_are_those_who_spent_most(analytics: Analytics, new_shop: NewShop):
    customers, orders = random_facts(seed=12)
    shop = await new_shop(customers=customers, orders=orders)
    await shop.write()

    top = await analytics.ask(shop.tenant_id, "top-customers", limit="5")

    spent: dict[int, list[Decimal]] = defaultdict(list)
    for order in orders:
        if order.counted and order.currency == "USD" and order.customer_id:
            spent[order.customer_id].append(order.total)
    best = sorted(spent, key=lambda customer: (-sum(spent[customer]), customer))[:5]
    assert top["currency"] == "USD"
    assert top["customers"] == [
        {
            "customerId": str(customer),
            "customerName": f"F{customer - BIG_ID} L{customer - BIG_ID}",
            "customerEmail": f"c{customer - BIG_ID}@example.com",
            "totalRevenue": f"{sum(spent[customer]):.2f}",
            "orderCount": len(spent[customer]),
        }
        for customer in best
    ]
    summary = await analytics.ask(shop.tenant_id, "summary")
    assert summary["topCustomers"] == top["customers"]


async def test_every_day_of_a_range_is_listed_and_both_ends_are_in_it(
    analytics: Analytics, new_shop: NewShop
):
    customers, orders = random_facts(seed=13)
    shop = await new_shop(customers=customers, orders=orders)
    await shop.write()
    first, last = date(2026, 1, 10), date(2026, 4, 20)

    answer = await analytics.ask(shop.tenant_id, "orders", **{"from": str(first), "to": str(last)})

    inside = [order for order in orders if order.counted and first <= order.day <= last]
    days = [date.fromisoformat(day["date"]) for day in answer["days"]]
    assert (days[0], days[-1]) == (first, last)
    assert all(after - before == timedelta(days=1) for before, after in pairwise(days))
    for day, told in zip(days, answer["days"], strict=True):
        of_day = [order for order in inside if order.day == day]
        assert told["orderCount"] == len(of_day)
        assert Decimal(told["revenue"]) == sum(o.total for o in of_day if o.currency == "USD")
    assert answer["totals"]["orderCount"] == len(inside)
    assert Decimal(answer["totals"]["revenue"]) == sum(
        order.total for order in inside if order.currency == "USD"
    )
    assert (answer["zone"], answer["currency"]) == ("America/New_York", "USD")


async def test_a_range_without_ends_holds_every_order(analytics: Analytics, new_shop: NewShop):
    customers, orders = random_facts(seed=14)
    shop = await new_shop(customers=customers, orders=orders)
    await shop.write()

    answer = await analytics.ask(shop.tenant_id, "orders")
    summary = await analytics.ask(shop.tenant_id, "summary")

    assert answer["totals"] == {
        "orderCount": summary["totalOrders"],
        "revenue": summary["totalRevenue"],
    }
    ends = (summary["firstOrderDate"], summary["lastOrderDate"])
    assert (answer["from"], answer["to"]) == ends


async def test_equal_spenders_stand_in_the_order_of_their_ids(
    analytics: Analytics, new_shop: NewShop
):
    orders = [Order(n, FIRST_DAY, Decimal(10), customer_id=n) for n in (9, 3, 7, 1, 5, 8)]
    customers = [Customer(order.id) for order in orders]
    shop = await new_shop(customers=customers, orders=orders)
    await shop.write()

    top = await analytics.ask(shop.tenant_id, "top-customers")

    assert [one["customerId"] for one in top["customers"]] == ["1", "3", "5", "7", "8"]


async def test_a_customer_without_a_name_or_deleted_is_called_by_the_id(
    analytics: Analytics, new_shop: NewShop
):
    customers = [
        Customer(1, " Ada ", None, None),
        Customer(2, None, "  ", "two@example.com"),
        Customer(3, "Erased", "Person", "three@example.com", deleted=True),
    ]
    orders = [Order(n, FIRST_DAY, Decimal(10 - n), customer_id=n) for n in (1, 2, 3)]
    shop = await new_shop(customers=customers, orders=orders)
    await shop.write()

    top = await analytics.ask(shop.tenant_id, "top-customers")

    told = [(one["customerName"], one["customerEmail"]) for one in top["customers"]]
    assert told == [("Ada", None), ("Customer 2", "two@example.com"), ("Customer 3", None)]


async def test_all_numbers_of_one_answer_are_of_one_moment(database: Database, new_shop: NewShop):
    shop = await new_shop(orders=[Order(1, FIRST_DAY, Decimal(10))])
    await shop.write(version=1)
    engine = create_engine(SecretStr(database.url_for("analytics")), "analytics", pool_size=1)

    async def build(tx: Transaction, tenant_id: UUID, stamp: Stamp) -> Summary:
        shop.orders.append(Order(2, FIRST_DAY, Decimal(5)))
        await shop.write(version=2)
        return await answers.summary(tx, tenant_id, stamp)

    reader = Reader(engine, AnswerCache())
    answer = json.loads((await reader.read(shop.tenant_id, ("summary",), build)).body)
    await engine.dispose()

    assert answer["freshness"]["dataVersion"] == "1"
    assert (answer["totalOrders"], answer["totalRevenue"]) == (1, "10.00")
