"""What the control API does to a shop shows in the truth, and what cannot be is refused."""

import json
from typing import Any

import pytest

from tests.integration.simulator.driver import Receiver, Simulator, until

BULK = """{ orders { edges { node { test totalPriceSet { shopMoney { amount } }
  customer { id } lineItems { edges { node { quantity } } } id } } } }"""


async def test_a_file_shop_has_the_figures_of_its_file(simulator: Simulator):
    truth = await simulator.control("GET", "/truth?from=2024-03-01&to=2024-03-04")

    assert (truth["orders"], truth["customers"], truth["products"]) == (4, 2, 2)
    assert (truth["units"], truth["revenue"]) == (26, "73.10")
    assert (truth["currency"], truth["zone"]) == ("GBP", "Europe/London")
    assert [(one["name"], one["orders"], one["revenue"]) for one in truth["topCustomers"]] == [
        ("Customer C1", 2, "69.54"),
        ("Customer C2", 1, "2.55"),
    ]
    assert [(day["orders"], day["revenue"]) for day in truth["days"]] == [
        (2, "38.19"),
        (1, "1.01"),
        (0, "0.00"),
        (1, "33.90"),
    ]


async def test_the_truth_follows_every_change(simulator: Simulator):
    kept = await simulator.order(customer={"firstName": "Ada", "lastName": "L"})
    await simulator.order(test=True)
    moved = await simulator.order(processedAt="2024-03-03T00:30:00")
    changed = {"lines": [{"title": "Mug", "quantity": 1, "price": "0.005"}], "discount": "0.01"}
    await simulator.control("POST", f"/orders/{moved['id']}/change", changed)
    await simulator.control("POST", f"/orders/{kept['id']}/refund", {})
    deleted = await simulator.order()
    await simulator.control("DELETE", f"/orders/{deleted['id']}")

    truth = await simulator.control("GET", "/truth?from=2024-03-03&to=2024-03-03")

    assert (truth["orders"], truth["customers"], truth["units"]) == (6, 3, 29)
    assert truth["revenue"] == "93.10"
    assert truth["days"] == [{"date": "2024-03-03", "orders": 1, "revenue": "0.00"}]


async def test_the_truth_equals_what_the_admin_api_shows(simulator: Simulator):
    customer = (await simulator.order(customer={"firstName": "Ada"}))["customerId"]
    for number in range(8):
        order = await simulator.order(customerId=customer, test=number % 4 == 0, discount="0.50")
        if number % 3 == 0:
            await simulator.control("POST", f"/orders/{order['id']}/cancel", {"reason": "fraud"})

    operation = await simulator.run_bulk(BULK)
    rows = [
        json.loads(line) for line in (await simulator.http.get(operation["url"])).text.splitlines()
    ]
    truth = await simulator.control("GET", "/truth")

    counted = {row["id"]: row for row in rows if "totalPriceSet" in row and not row["test"]}
    pence = sum(
        round(float(row["totalPriceSet"]["shopMoney"]["amount"]) * 100) for row in counted.values()
    )
    units = sum(row["quantity"] for row in rows if row.get("__parentId") in counted)
    assert (truth["orders"], truth["units"]) == (len(counted), units)
    assert truth["revenue"] == f"{pence / 100:.2f}"


async def test_a_refund_cannot_exceed_what_is_left(simulator: Simulator):
    order = await simulator.order()
    path = f"/orders/{order['id']}/refund"
    await simulator.control("POST", path, {"amount": "15.00"})

    refusal = await simulator.control("POST", path, {"amount": "5.01"}, status=400)
    after = await simulator.control("POST", path, {"amount": "5.00"})

    assert "only 5.00" in refusal["error"]
    assert (after["financialStatus"], after["refunded"]) == ("refunded", "20.00")


async def test_deleting_a_customer_leaves_the_orders(simulator: Simulator):
    order = await simulator.order(customer={"firstName": "Ada"})
    await simulator.control("DELETE", f"/customers/{order['customerId']}")

    shown = await simulator.graphql(
        "query ($id: ID!) { order(id: $id) { name customer { id } } }",
        id=f"gid://shopify/Order/{order['id']}",
    )

    assert shown == {"order": {"name": order["name"], "customer": None}}


async def test_traffic_makes_orders_until_it_is_stopped(simulator: Simulator, receiver: Receiver):
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    await simulator.control("POST", "/traffic", {"perSecond": 50})
    await receiver.wait_for(20)
    await simulator.control("DELETE", "/traffic")

    made = (await simulator.control("GET", "/traffic"))["made"]
    truth = await simulator.control("GET", "/truth")
    assert truth["orders"] == 4 + made
    received = await receiver.wait_for(made)
    quantities = [
        line["quantity"] for one in received for line in json.loads(one.body)["line_items"]
    ]
    assert set(quantities) <= {1, 2, 3}

    async def state() -> dict[str, Any]:
        return dict(await simulator.control("GET", "/traffic"))

    assert (await until(state, lambda found: found["perSecond"] == 0))["made"] == made


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/orders", {}, 400, "lines"),
        ("POST", "/orders", {"lines": []}, 400, "at least one line"),
        ("POST", "/orders", {"lines": [{"quantity": 0, "price": "1"}]}, 400, "quantity"),
        ("POST", "/orders", {"lines": [{"quantity": 1, "price": "-1"}]}, 400, "price"),
        ("POST", "/orders", {"lines": [{"quantity": 1, "price": "NaN"}]}, 400, "price"),
        ("PATCH", "", {"zone": "Mars/Olympus"}, 400, "zone"),
        ("POST", "/orders", {"lines": [{"quantity": 1, "price": "much"}]}, 400, "price"),
        ("POST", "/orders", {"lines": [{"price": 1}], "discount": 2}, 400, "discount"),
        ("POST", "/orders", {"lines": [{"price": 1}], "processedAt": "soon"}, 400, "processedAt"),
        ("POST", "/orders", {"lines": [{"price": 1}], "customerId": "1"}, 400, "no customer 1"),
        ("POST", "/orders", {"lines": [{"price": 1, "productId": "x"}]}, 400, "not an id"),
        ("POST", "/orders", {"lines": [{"price": 1}], "extra": 1}, 400, "extra"),
        ("POST", "/orders", [1], 400, "object"),
        ("POST", "/orders/1/refund", {}, 404, "no order 1"),
        ("DELETE", "/orders/%F0%9F%8D%8E", None, 400, "not an id"),
        ("PATCH", "/customers/7", {"firstName": "A"}, 404, "no customer 7"),
        ("POST", "/products", {"title": "Jar", "status": "sold"}, 400, "status"),
        ("POST", "/faults", {"drop": 2}, 400, "drop"),
        ("POST", "/faults", {"dorp": 1}, 400, "dorp"),
        ("POST", "/traffic", {"perSecond": 0}, 400, "perSecond"),
        ("GET", "/truth?from=yesterday", None, 400, "yesterday"),
        ("GET", "/truth?from=0001-01-01", None, 400, "days"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(
    simulator: Simulator, method: str, path: str, body: Any, status: int, words: str
):
    answer = await simulator.control(method, path, body, status=status)

    assert words in answer["error"]


async def test_an_unknown_shop_is_not_found(simulator: Simulator):
    simulator.shop = "nobody.myshopify.com"

    assert "nobody" in (await simulator.control("GET", "/truth", status=404))["error"]
    assert (await simulator.ask("{ shop { id } }")).status_code == 404
