"""Bulk operations keep Shopify's rules, and their files hold exactly what was selected."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from libs.common.clock import utc_now
from libs.simulator.bulk_query import BulkError, read_bulk_query
from tests.integration.simulator.driver import SCOPES, Receiver, Simulator, until

ORDERS = (
    "{ orders { edges { node { __typename id lineItems { edges { node { __typename id title } } } "
    "} } } }"
)
CANCEL = "mutation ($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { id } } }"


async def _rows(simulator: Simulator, operation: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await simulator.http.get(operation["url"])
    assert answer.headers["content-type"] == "application/jsonl"
    assert "attachment" in answer.headers["content-disposition"]
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_lines_are_counted_and_hold_what_was_selected(simulator: Simulator):
    operation = await simulator.run_bulk(ORDERS)
    rows = await _rows(simulator, operation)

    assert (operation["status"], operation["errorCode"]) == ("COMPLETED", None)
    assert (operation["objectCount"], operation["rootObjectCount"]) == ("9", "4")
    assert len(rows) == 9
    orders = {row["id"] for row in rows if row["__typename"] == "Order"}
    assert all(set(row) == {"__typename", "id"} for row in rows if row["id"] in orders)
    lines = [row for row in rows if row["__typename"] == "LineItem"]
    assert all(set(row) == {"__typename", "id", "title", "__parentId"} for row in lines)
    assert {row["__parentId"] for row in lines} == orders


async def test_slashes_are_escaped(simulator: Simulator):
    operation = await simulator.run_bulk(ORDERS)
    text = (await simulator.http.get(operation["url"])).text

    assert '"gid:\\/\\/shopify\\/Order\\/' in text
    assert "gid://" not in text
    assert operation["fileSize"] == str(len(text.encode()))


async def test_any_text_alias_or_doubled_field_comes_as_it_was_asked_for(simulator: Simulator):
    title = """50% {off} %s "now" \\ 'then' / a\nb <湯呑み>"""
    await simulator.order(lines=[{"title": title, "quantity": 1, "price": "5.00"}])
    rows = await simulator.rows(
        """{ orders(query: "created_at:>now-1d") { edges { node { id shown: name
          totalPriceSet { shopMoney { amount } } totalPriceSet { shopMoney { currencyCode } }
          id customer { id } lineItems { edges { node { it: title product { id } sku } } } } } } }
        """
    )
    line, order = sorted(rows, key=lambda row: "id" in row)

    assert line == {"it": title, "product": None, "sku": None, "__parentId": order["id"]}
    assert order.pop("id").startswith("gid://shopify/Order/")
    assert order == {
        "shown": "#1005",
        "totalPriceSet": {"shopMoney": {"amount": "5.0", "currencyCode": "GBP"}},
        "customer": None,
    }


async def test_ungrouped_children_stand_anywhere_and_grouped_ones_follow(simulator: Simulator):
    scattered = await _rows(simulator, await simulator.run_bulk(ORDERS))
    grouped = await _rows(simulator, await simulator.run_bulk(ORDERS, grouped=True))

    seen: set[str] = set()
    early = [row for row in scattered if row.get("__parentId", row["id"]) not in seen | {row["id"]}]
    parent = None
    for row in grouped:
        if "__parentId" in row:
            assert row["__parentId"] == parent
        parent = row.get("__parentId", row["id"])
    assert early
    assert sorted(row["id"] for row in scattered) == sorted(row["id"] for row in grouped)


async def test_a_filter_and_the_moment_of_asking_decide_what_is_in(simulator: Simulator):
    await simulator.control("POST", "/faults", {"bulkDelay": 0.5})
    started = await simulator.start_bulk(
        """{ orders(query: "processed_at:>='2024-03-02T00:00:00Z'") { edges { node { id } } } }"""
    )
    await simulator.order()
    await simulator.control("DELETE", "/faults")
    await asyncio.sleep(0.6)

    operation = await simulator.bulk(started["bulkOperation"]["id"])

    assert operation["objectCount"] == "2"


async def test_the_address_is_signed_and_needs_no_token(simulator: Simulator):
    url = (await simulator.run_bulk(ORDERS))["url"]

    named = dict(parse_qsl(urlsplit(url).query))["response-content-disposition"]
    good = await simulator.http.get(url)
    forged = await simulator.http.get(url.replace("signature=", "signature=0"))
    longer = await simulator.http.get(url.replace("expires=1", "expires=2"))

    assert [good.status_code, forged.status_code, longer.status_code] == [200, 403, 403]
    name = urlsplit(url).path.rpartition("/")[2]
    assert named == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    assert name in good.headers["content-disposition"]


async def test_nothing_found_has_no_address(simulator: Simulator):
    operation = await simulator.run_bulk('{ orders(query: "id:1") { edges { node { id } } } }')

    assert (operation["status"], operation["url"]) == ("COMPLETED", None)
    assert operation["objectCount"] == "0"


async def test_five_run_at_once_and_the_sixth_is_refused(simulator: Simulator):
    await simulator.control("POST", "/faults", {"bulkDelay": 30})
    running = [(await simulator.start_bulk(ORDERS))["bulkOperation"]["id"] for _ in range(5)]

    refused = await simulator.start_bulk(ORDERS)

    assert refused["bulkOperation"] is None
    [error] = refused["userErrors"]
    assert (error["code"], error["field"]) == ("OPERATION_IN_PROGRESS", None)
    assert all(number in error["message"] for number in running)


async def test_operations_take_as_long_as_they_are_told_to_and_one_after_the_other(
    simulator: Simulator,
):
    await simulator.control("POST", "/faults", {"bulkPace": 0.1, "bulkAtOnce": 1})
    number = (await simulator.start_bulk(ORDERS))["bulkOperation"]["id"]
    written = await until(lambda: simulator.bulk(number), lambda each: each["objectCount"] != "0")
    refused = await simulator.start_bulk(ORDERS)
    [shown] = (await simulator.control("GET", "/operations"))["operations"]

    assert (written["status"], written["objectCount"]) == ("RUNNING", "9")
    assert refused["userErrors"][0]["code"] == "OPERATION_IN_PROGRESS"
    assert number.endswith(shown["id"])
    assert (shown["objectCount"], shown["completedAt"]) == (9, None)

    await simulator.graphql(CANCEL, id=number)
    ended = await until(lambda: simulator.bulk(number), lambda each: each["completedAt"])
    [shown] = (await simulator.control("GET", "/operations"))["operations"]
    assert ended["status"] == shown["status"] == "CANCELED"
    assert shown["completedAt"] == ended["completedAt"]


async def test_a_failed_operation_has_partial_data_only(simulator: Simulator):
    await simulator.control("POST", "/faults", {"bulkFails": True})
    operation = await simulator.run_bulk(ORDERS)

    assert (operation["status"], operation["errorCode"]) == ("FAILED", "INTERNAL_SERVER_ERROR")
    assert operation["url"] is None
    part = await simulator.http.get(operation["partialDataUrl"])
    assert len(part.text.splitlines()) == int(operation["objectCount"])


async def test_an_operation_that_breaks_off_gives_the_first_half_of_its_lines(
    simulator: Simulator,
):
    await simulator.control("POST", "/faults", {"bulkBreaks": 1, "bulkHangs": True})
    operation = await simulator.run_bulk(ORDERS)
    await simulator.control("DELETE", "/faults")

    assert (operation["status"], operation["errorCode"]) == ("FAILED", "INTERNAL_SERVER_ERROR")
    assert (operation["url"], operation["objectCount"]) == (None, "4")
    part = (await simulator.http.get(operation["partialDataUrl"])).text
    whole = await simulator.http.get((await simulator.run_bulk(ORDERS))["url"])
    assert part.splitlines() == whole.text.splitlines()[:4]


async def test_dropped_lines_show_in_the_count_alone(simulator: Simulator):
    await simulator.control("POST", "/faults", {"bulkDropsLines": 2})
    operation = await simulator.run_bulk(ORDERS)

    assert operation["objectCount"] == "9"
    assert len(await _rows(simulator, operation)) == 7


async def test_a_missing_scope_ends_in_access_denied(simulator: Simulator):
    await simulator.install("read_orders,read_all_orders")
    operation = await simulator.run_bulk(
        "{ orders { edges { node { id customer { id } } } } }",
    )

    assert (operation["status"], operation["errorCode"]) == ("FAILED", "ACCESS_DENIED")


async def test_orders_older_than_sixty_days_need_their_own_scope(simulator: Simulator):
    await simulator.order(processedAt="2024-01-01")
    await simulator.install(SCOPES.replace("read_all_orders,", ""))

    operation = await simulator.run_bulk("{ orders { edges { node { id } } } }")

    assert operation["objectCount"] == "1"


async def test_the_end_is_announced_in_lower_case_and_without_an_address(
    simulator: Simulator, receiver: Receiver
):
    await simulator.subscribe("BULK_OPERATIONS_FINISH", receiver.uri)
    good = await simulator.run_bulk(ORDERS)
    await simulator.control("POST", "/faults", {"bulkFails": True})
    bad = await simulator.run_bulk(ORDERS)

    deliveries = await receiver.wait_for(2)
    found = [json.loads(delivery.body) for delivery in deliveries]
    bodies = {body["admin_graphql_api_id"]: body for body in found}
    ends = {key: (body["status"], body["error_code"]) for key, body in bodies.items()}
    assert ends == {good["id"]: ("completed", None), bad["id"]: ("failed", "internal_server_error")}
    assert set(bodies[good["id"]]) == {
        *("admin_graphql_api_id", "completed_at", "created_at", "error_code", "status", "type")
    }
    age = utc_now() - datetime.fromisoformat(bodies[good["id"]]["created_at"])
    assert timedelta(seconds=-1) <= age < timedelta(minutes=5)


async def test_an_ended_operation_cannot_be_cancelled(simulator: Simulator):
    operation = await simulator.run_bulk(ORDERS)
    answer = await simulator.graphql(
        """mutation ($id: ID!) { bulkOperationCancel(id: $id) {
          bulkOperation { status } userErrors { message } } }""",
        id=operation["id"],
    )

    assert answer["bulkOperationCancel"]["userErrors"] == [
        {"message": "A bulk operation cannot be canceled when it is completed"}
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ shop { id } }", "Bulk queries must contain at least one connection."),
        ("{ orders { edges { node { id ", "Invalid bulk query: syntax error"),
        ("{ orders { nodes { id } } }", "Invalid connection fields: 'orders'."),
        (
            "{ orders { edges { node { name lineItems { edges { node { id } } } } } } }",
            "Connection fields without 'id': orders.",
        ),
        (
            "{ orders { edges { node { key: id lineItems { edges { node { id } } } } } } }",
            "Connection fields without 'id': orders.",
        ),
        (
            "{ orders { edges { node { id refunds { id refundLineItems { edges { node { id } } } } "
            "} } } }",
            "Queries that contain a connection field within a list field",
        ),
        (
            '{ node(id: "gid://shopify/Order/1") { id } orders { edges { node { id } } } }',
            "Bulk queries cannot contain a top level `node` field.",
        ),
        (
            'mutation { bulkOperationCancel(id: "1") { bulkOperation { id } } }',
            "Invalid operation type. Only `query` operations are supported.",
        ),
        (
            "{" + "".join(f"o{n}: orders {{ edges {{ node {{ id }} }} }} " for n in range(6)) + "}",
            "Bulk queries cannot contain more than 5 connections.",
        ),
        ("{ orders { edges { node { id nonsense } } } }", "Invalid bulk query: "),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused_in_shopifys_words(query: str, message: str):
    with pytest.raises(BulkError) as refusal:
        read_bulk_query(query)

    assert message in str(refusal.value)
    assert refusal.value.code == "INVALID"


async def test_the_files_of_two_shops_are_two_files(
    simulator: Simulator, unused_shops: tuple[str, list[str]]
):
    base, shops = unused_shops
    orders = "{ orders { edges { node { id totalPriceSet { shopMoney { amount } } } } } }"
    await simulator.order(lines=[{"title": "Mug", "quantity": 1, "price": "111.11"}])
    async with Simulator(base, shops.pop()) as other:
        await other.install()
        await other.order(lines=[{"title": "Mug", "quantity": 1, "price": "222.22"}])
        theirs = await other.run_bulk(orders)
        ours = await simulator.run_bulk(orders)
        files = [(await other.http.get(one["url"])).text for one in (theirs, ours)]

    assert theirs["id"] != ours["id"]
    assert [("222.22" in text, "111.11" in text) for text in files] == [
        (True, False),
        (False, True),
    ]
