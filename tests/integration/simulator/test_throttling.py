"""Queries cost points as at Shopify; a shop that is told to throttle refuses who overspends."""

import asyncio

import pytest

from tests.integration.simulator.driver import Simulator, until

PAGE = """{ orders(first: 250) { nodes { id customer { id } refunds { id }
  lineItems(first: 250) { nodes { id product { id } variant { id } } } } } }"""
PAGE_COST = 2 + 11 * (1 + 2 + (2 + 11 * 3))


async def test_the_answer_says_what_was_asked_for_and_what_it_took(simulator: Simulator):
    cost = (await simulator.ask(PAGE)).json()["extensions"]["cost"]

    # Four orders with at most two lines each came, of 250 and 250 asked for.
    actual = 2 + 2 * (1 + 2 + (2 + 1 * 3))
    assert cost == {
        "requestedQueryCost": PAGE_COST,
        "actualQueryCost": actual,
        "throttleStatus": {
            "maximumAvailable": 2000.0,
            "currentlyAvailable": 2000 - actual,
            "restoreRate": 100.0,
        },
    }


async def test_one_query_may_cost_a_thousand_points_at_most(simulator: Simulator):
    thrice = f"{{ a: {PAGE[1:-1].strip()} b: {PAGE[1:-1].strip()} c: {PAGE[1:-1].strip()} }}"
    answer = await simulator.ask(thrice)

    assert answer.status_code == 200
    [error] = answer.json()["errors"]
    assert error["message"].startswith(
        f"Query cost is {3 * PAGE_COST}, which exceeds the single query max cost limit (1000)."
    )
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert (error["extensions"]["cost"], error["extensions"]["maxCost"]) == (3 * PAGE_COST, 1000)
    assert "data" not in answer.json()


@pytest.mark.parametrize("argument", ["first", "last"])
async def test_a_page_above_250_is_refused_by_its_code(simulator: Simulator, argument: str):
    answer = (await simulator.ask(f"{{ orders({argument}: 251) {{ nodes {{ id }} }} }}")).json()

    assert answer["errors"][0]["extensions"] == {"code": "MAX_INPUT_SIZE_EXCEEDED"}


async def test_who_overspends_is_throttled_until_points_come_back(simulator: Simulator):
    await simulator.control("POST", "/faults", {"throttle": True})
    # Nothing comes back of what a count costs; the bucket holds 2,000 points.
    counts = " ".join(f"c{number}: ordersCount {{ count }}" for number in range(90))
    asked = [simulator.ask(f"{{ {counts} }}") for _ in range(6)]
    answers = await asyncio.gather(*asked)
    refused = next(answer for answer in answers if "errors" in answer.json())

    assert refused.status_code == 200
    answer = refused.json()
    status = answer["extensions"]["cost"].pop("throttleStatus")
    assert answer == {
        "errors": [
            {
                "message": "Throttled",
                "extensions": {
                    "code": "THROTTLED",
                    "documentation": "https://shopify.dev/api/usage/rate-limits",
                },
            }
        ],
        "extensions": {"cost": {"requestedQueryCost": 900, "actualQueryCost": None}},
    }
    assert (status["maximumAvailable"], status["restoreRate"]) == (2000.0, 100.0)
    assert status["currentlyAvailable"] < 900

    async def again() -> bool:
        return "errors" not in (await simulator.ask(PAGE)).json()

    assert await until(again, bool)


async def test_without_being_told_to_nobody_is_throttled(simulator: Simulator):
    answers = [(await simulator.ask(PAGE)).json() for _ in range(8)]

    assert all("errors" not in answer for answer in answers)
    assert len({answer["extensions"]["cost"]["actualQueryCost"] for answer in answers}) == 1


async def test_a_shop_is_throttled_alone_and_by_its_plan(simulator: Simulator):
    await simulator.control("PATCH", "", {"plan": "plus"})
    await simulator.control("POST", "/faults", {"throttle": True})
    plan = await simulator.graphql("{ shop { plan { publicDisplayName shopifyPlus } } }")
    status = (await simulator.ask(PAGE)).json()["extensions"]["cost"]["throttleStatus"]

    assert plan["shop"]["plan"] == {"publicDisplayName": "Plus", "shopifyPlus": True}
    assert (status["maximumAvailable"], status["restoreRate"]) == (20000.0, 1000.0)
    refused = await simulator.control("PATCH", "", {"plan": "gold"}, status=400)
    assert "development, basic, advanced, plus" in refused["error"]


async def test_throttled_can_be_asked_for_a_number_of_times(simulator: Simulator):
    await simulator.control("POST", "/faults", {"throttled": 2})
    answers = [(await simulator.ask("{ shop { id } }")).json() for _ in range(3)]

    codes = [answer.get("errors", [{}])[0].get("extensions", {}).get("code") for answer in answers]
    assert codes == ["THROTTLED", "THROTTLED", None]
    assert answers[0]["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 0


async def test_the_control_tells_what_was_spent_and_what_is_left(simulator: Simulator):
    await simulator.control("POST", "/faults", {"throttle": True})
    costs = [(await simulator.ask(PAGE)).json()["extensions"]["cost"] for _ in range(3)]
    limits = await simulator.control("GET", "/limits")

    points = limits["points"]
    assert limits["plan"] == "development"
    assert points["spent"] == sum(cost["actualQueryCost"] for cost in costs)
    assert (points["capacity"], points["perSecond"]) == (2000, 100)
    assert 2000 - points["spent"] <= points["available"] <= 2000
