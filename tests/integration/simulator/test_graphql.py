"""The Admin API answers pages, counts and subscriptions as Shopify does, errors included."""

import asyncio
from typing import Any

import pytest

from tests.integration.simulator.driver import SCOPES, Simulator

PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $q: String,
    $sort: OrderSortKeys, $reverse: Boolean) {
  orders(first: $first, after: $after, last: $last, before: $before, query: $q, sortKey: $sort,
      reverse: $reverse) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { id name } edges { cursor node { id } } } }"""


async def _names(simulator: Simulator, **variables: Any) -> list[str]:
    """All pages, two at a time."""
    names: list[str] = []
    after = None
    while True:
        page = (await simulator.graphql(PAGE, first=2, after=after, **variables))["orders"]
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return names


async def test_pages_have_every_order_once_in_order_of_time(simulator: Simulator):
    forward = await _names(simulator, sort="UPDATED_AT")
    backward = await _names(simulator, sort="UPDATED_AT", reverse=True)

    assert forward == ["#A1", "#A2", "#A3", "#A4"]
    assert backward == forward[::-1]


async def test_the_last_page_comes_from_the_end(simulator: Simulator):
    page = (await simulator.graphql(PAGE, last=2, sort="PROCESSED_AT"))["orders"]
    before = page["pageInfo"]["startCursor"]
    first = (await simulator.graphql(PAGE, last=2, before=before, sort="PROCESSED_AT"))["orders"]

    assert [node["name"] for node in page["nodes"]] == ["#A3", "#A4"]
    assert [node["name"] for node in first["nodes"]] == ["#A1", "#A2"]
    assert first["pageInfo"]["hasPreviousPage"] is False
    assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]


async def test_an_order_changed_between_two_pages_moves_to_the_end(simulator: Simulator):
    first = (await simulator.graphql(PAGE, first=2, sort="UPDATED_AT"))["orders"]
    number = first["nodes"][0]["id"].rpartition("/")[2]
    await simulator.control("POST", f"/orders/{number}/change", {})

    after = first["pageInfo"]["endCursor"]
    rest = (await simulator.graphql(PAGE, first=9, after=after, sort="UPDATED_AT"))["orders"]

    assert [node["name"] for node in rest["nodes"]] == ["#A3", "#A4", "#A1"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("updated_at:>='2024-03-01T23:30:00Z'", ["#A2", "#A3", "#A4"]),
        ("updated_at:>'2024-03-01T23:30:00Z' AND updated_at:<'2024-03-04'", ["#A3"]),
        ("processed_at:<=2024-03-01T09:00:00Z", ["#A1"]),
        ("name:#A2", ["#A2"]),
        ("-name:#A2 financial_status:paid", ["#A1", "#A3", "#A4"]),
        ("status:cancelled", []),
        ("test:true", []),
    ],
)
async def test_a_search_finds_exactly_what_it_says(
    simulator: Simulator, query: str, names: list[str]
):
    counted = await simulator.graphql(
        "query ($q: String) { ordersCount(limit: null, query: $q) { count precision } }", q=query
    )

    assert await _names(simulator, q=query, sort="PROCESSED_AT") == names
    assert counted == {"ordersCount": {"count": len(names), "precision": "EXACT"}}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("updated_at:'2024-03-01T00:00:00Z'", ["C2"]),
        ("updated_at:>='2024-03-01T23:59:59Z'", ["C1", "C2"]),
        ("updated_at:>'2024-03-01T00:00:00Z'", ["C1"]),
        ("updated_at:<='2024-03-01T00:00:00Z'", ["C2"]),
        ("updated_at:<'2024-03-01T23:59:59Z'", []),
        ("-updated_at:>='2024-03-04T23:59:59Z'", ["C2"]),
    ],
)
async def test_customers_are_found_by_the_day_of_their_last_change(
    simulator: Simulator, query: str, names: list[str]
):
    """C1 changed at ten o'clock, C2 half an hour before midnight."""
    answer = await simulator.graphql(
        """query ($q: String) {
          customers(first: 9, query: $q) { nodes { lastName } }
          customersCount(limit: null, query: $q) { count } }""",
        q=query,
    )
    assert sorted(node["lastName"] for node in answer["customers"]["nodes"]) == names
    assert answer["customersCount"]["count"] == len(names)


async def test_all_days_but_one_cannot_be_searched_for(simulator: Simulator):
    query = '{ customers(first: 9, query: "-updated_at:2024-03-01") { nodes { id } } }'
    [error] = (await simulator.ask(query)).json()["errors"]
    assert "cannot search updated_at" in error["message"]


async def test_a_count_stops_at_its_limit(simulator: Simulator):
    counted = await simulator.graphql(
        "{ ordersCount(limit: 3) { count precision } customersCount { count precision } }"
    )

    assert counted == {
        "ordersCount": {"count": 3, "precision": "AT_LEAST"},
        "customersCount": {"count": 2, "precision": "EXACT"},
    }


ORDER = """query ($id: ID!) { order(id: $id) {
  legacyResourceId displayFinancialStatus customer { displayName numberOfOrders }
  totalPriceSet { shopMoney { amount currencyCode } }
  currentTotalPriceSet { shopMoney { amount } }
  lineItems(first: 5) { nodes { quantity currentQuantity
    discountAllocations { allocatedAmountSet { shopMoney { amount } } } } }
  refunds { totalRefundedSet { shopMoney { amount } }
    refundLineItems(first: 5) { nodes { quantity subtotalSet { shopMoney { amount } }
      lineItem { title } } } } } }"""


async def test_an_order_shows_its_lines_refunds_and_customer(simulator: Simulator):
    made = await simulator.order(customer={"firstName": "Ada", "lastName": "L"}, discount="1.50")
    line = {"lineId": made["lines"][0]["id"], "quantity": 1}
    await simulator.control("POST", f"/orders/{made['id']}/refund", {"lines": [line]})

    order = (await simulator.graphql(ORDER, id=f"gid://shopify/Order/{made['id']}"))["order"]

    allocated = {"allocatedAmountSet": {"shopMoney": {"amount": "1.5"}}}
    refunded = {"shopMoney": {"amount": "9.25"}}
    assert order["legacyResourceId"] == made["id"]
    assert order["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert order["customer"] == {"displayName": "Ada L", "numberOfOrders": "1"}
    assert order["totalPriceSet"] == {"shopMoney": {"amount": "18.5", "currencyCode": "GBP"}}
    assert order["currentTotalPriceSet"] == refunded
    assert order["lineItems"]["nodes"] == [
        {"quantity": 2, "currentQuantity": 1, "discountAllocations": [allocated]}
    ]
    [refund] = order["refunds"]
    assert refund["totalRefundedSet"] == refunded
    assert refund["refundLineItems"]["nodes"] == [
        {"quantity": 1, "subtotalSet": refunded, "lineItem": {"title": "Mug"}}
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ orders { nodes { id } } }", "you must provide one of first or last"),
        ("{ orders(first: 1, last: 1) { nodes { id } } }", "providing both first and last"),
        ("{ orders(first: 251) { nodes { id } } }", "greater than the maximum allowed of 250"),
        ('{ orders(first: 1, after: "?") { nodes { id } } }', "is not a valid cursor"),
        ('{ orders(first: 1, query: "colour:red") { nodes { id } } }', "no search field colour"),
        ('{ orders(first: 1, query: "updated_at:>soon") { nodes { id } } }', "not a value"),
        ("{ shop { nonsense } }", "Field 'nonsense' doesn't exist on type 'Shop'"),
        ("{ order { id } }", "missing required arguments: id"),
        ("{ shop {", "syntax error"),
        ('{ order(id: "7") { id } }', "Invalid global id '7'"),
    ],
)
async def test_a_wrong_question_is_answered_200_with_errors(
    simulator: Simulator, query: str, message: str
):
    answer = await simulator.ask(query)

    assert answer.status_code == 200
    assert message in answer.json()["errors"][0]["message"]


async def test_a_missing_scope_denies_its_fields_alone(simulator: Simulator):
    await simulator.install("read_products")
    answer = (await simulator.ask("{ shop { name } customersCount { count } }")).json()

    assert answer["data"] == {
        "shop": {"name": simulator.shop.partition(".")[0].replace("-", " ").title()},
        "customersCount": None,
    }
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


async def test_without_read_all_orders_sixty_days_are_shown(simulator: Simulator):
    await simulator.install(SCOPES.replace("read_all_orders,", ""))
    recent = await simulator.order()

    assert await _names(simulator) == [recent["name"]]


async def test_the_answer_names_version_request_and_cost(simulator: Simulator):
    current = await simulator.ask("{ shop { id } }")
    old = await simulator.http.post(
        f"/{simulator.shop}/admin/api/2024-01/graphql.json",
        json={"query": "{ publicApiVersions { handle supported } }"},
        headers=simulator.headers,
    )

    assert current.headers["x-shopify-api-version"] == "2026-10"
    assert current.headers["x-request-id"]
    assert current.headers["date"]
    assert set(current.json()["extensions"]["cost"]["throttleStatus"]) == {
        "maximumAvailable",
        "currentlyAvailable",
        "restoreRate",
    }
    assert old.headers["x-shopify-api-version"] == "2026-01"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"uri": " "}, "Address can't be blank"),
        ({"uri": "http://app.example.com/x"}, "Address protocol http:// is not supported"),
        ({"uri": "https://other.myshopify.com/x"}, "Address cannot be a Shopify or an internal"),
        ({"uri": "https://taken.example.com"}, "Address for this topic has already been taken"),
        ({"uri": "https://a.example.com", "name": "a b"}, "Name must be"),
    ],
)
async def test_a_subscription_that_cannot_be_is_a_user_error(
    simulator: Simulator, wanted: dict[str, str], message: str
):
    await simulator.subscribe("ORDERS_CREATE", "https://taken.example.com")
    refused = await simulator.subscribe("ORDERS_CREATE", **wanted)

    assert refused["webhookSubscription"] is None
    assert message in refused["userErrors"][0]["message"]


async def test_a_name_of_a_container_network_is_let_in_over_http(simulator: Simulator):
    made = await simulator.subscribe("ORDERS_CREATE", "http://webhooks:8082/webhooks")
    assert made["userErrors"] == []


async def test_subscriptions_are_listed_changed_and_deleted(simulator: Simulator):
    made = (await simulator.subscribe("ORDERS_CREATE", "https://a.example.com"))[
        "webhookSubscription"
    ]
    await simulator.graphql(
        """mutation ($id: ID!) { webhookSubscriptionUpdate(id: $id,
          webhookSubscription: { uri: "https://b.example.com" }) { userErrors { message } } }""",
        id=made["id"],
    )
    listed = await simulator.graphql(
        "{ webhookSubscriptions(first: 5) { nodes { id topic uri apiVersion { handle } } } }"
    )
    delete = """mutation ($id: ID!) { webhookSubscriptionDelete(id: $id) {
      deletedWebhookSubscriptionId userErrors { message } } }"""
    first = (await simulator.graphql(delete, id=made["id"]))["webhookSubscriptionDelete"]
    second = (await simulator.graphql(delete, id=made["id"]))["webhookSubscriptionDelete"]

    assert listed["webhookSubscriptions"]["nodes"] == [
        {
            "id": made["id"],
            "topic": "ORDERS_CREATE",
            "uri": "https://b.example.com",
            "apiVersion": {"handle": "2026-10"},
        }
    ]
    assert first["deletedWebhookSubscriptionId"] == made["id"]
    assert second["userErrors"] == [{"message": "Webhook subscription does not exist"}]


async def test_api_faults_count_down(simulator: Simulator):
    await simulator.control("POST", "/faults", {"apiStatus": 503, "apiFailures": 2})
    statuses = [(await simulator.ask("{ shop { id } }")).status_code for _ in range(3)]

    assert statuses == [503, 503, 200]


async def test_many_ask_at_once(simulator: Simulator):
    answers = await asyncio.gather(*(simulator.graphql(PAGE, first=250) for _ in range(20)))

    assert {len(answer["orders"]["nodes"]) for answer in answers} == {4}
