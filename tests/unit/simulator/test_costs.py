"""A query's cost is what recordings of Shopify's own answers show for its like."""

from typing import Any

import pytest
from graphql import parse, validate

from libs.simulator.costs import (
    MOST_FOR_ONE_QUERY,
    actual_cost,
    pieces_of,
    requested_cost,
)
from libs.simulator.schema import admin_schema
from services.ingestor.shopify.queries import SINGLE_DOCUMENTS

ORDERS = """query Orders($first: Int!) { orders(first: $first, sortKey: UPDATED_AT) {
  pageInfo { hasNextPage endCursor }
  nodes { id name totalPriceSet { shopMoney { amount } presentmentMoney { amount } }
    customer { id }
    lineItems(first: 50) { pageInfo { hasNextPage }
      nodes { id quantity product { id } variant { id } originalTotalSet { shopMoney { amount } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } } } }
    refunds { id totalRefundedSet { shopMoney { amount } } } } } }"""
CUSTOMERS = """query Customers($first: Int!) { customers(first: $first) { pageInfo { endCursor }
  nodes { id amountSpent { amount } defaultEmailAddress { emailAddress }
    defaultPhoneNumber { phoneNumber } } } }"""
PRODUCTS = """query Products($first: Int!) { products(first: $first) {
  nodes { id title variants(first: 100) { pageInfo { endCursor }
    nodes { id inventoryItem { id unitCost { amount } } } } } } }"""
FACTS = """{ shop { id name plan { publicDisplayName } }
  currentAppInstallation { id accessScopes { handle } } }"""
OPERATION = """query ($id: ID!) { bulkOperation(id: $id) { id status objectCount } }"""
START = """mutation ($q: String!) { bulkOperationRunQuery(query: $q) {
  bulkOperation { id } userErrors { message } } }"""


def _pieces(query: str, /, **variables: Any) -> Any:
    document = parse(query)
    assert validate(admin_schema(), document) == []
    return pieces_of(admin_schema(), document, variables, None)


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        (ORDERS, {"first": 50}, 233),
        (ORDERS, {"first": 100}, 299),
        (ORDERS, {"first": 250}, 365),
        (PRODUCTS, {"first": 250}, 233),
        (CUSTOMERS, {"first": 250}, 35),
        (FACTS, {}, 4),
        (OPERATION, {"id": "gid://shopify/BulkOperation/1"}, 1),
        (START, {"q": "{ orders { edges { node { id } } } }"}, 10),
        ("{ ordersCount { count } found: customersCount { count } }", {}, 20),
    ],
)
def test_a_query_asks_for_what_recordings_show(query: str, variables: dict[str, Any], cost: int):
    assert requested_cost(_pieces(query, **variables)) == cost


@pytest.mark.parametrize(
    ("rows", "cost"), [(0, 2), (1, 3), (5, 5), (10, 6), (20, 7), (50, 9), (100, 11), (250, 13)]
)
def test_a_longer_page_costs_as_much_more_as_its_logarithm(rows: int, cost: int):
    query = "query ($n: Int) { orders(first: $n) { nodes { id } } }"

    assert requested_cost(_pieces(query, n=rows)) == cost


def test_edges_and_nodes_cost_the_same():
    nodes = "{ orders(last: 10) { nodes { customer { id } } } }"
    edges = "{ orders(last: 10) { edges { cursor node { customer { id } } } } }"

    assert requested_cost(_pieces(nodes)) == requested_cost(_pieces(edges)) == 2 + 4 * 2


def test_fragments_count_where_they_apply_and_skipped_fields_do_not():
    query = """query ($no: Boolean = false) {
      node(id: "gid://shopify/Order/1") {
        ... on Order { customer { id } refunds { id } }
        ... on Customer { defaultEmailAddress { emailAddress } } }
      shop @skip(if: true) { plan { displayName } }
      ...App @include(if: $no) }
      fragment App on QueryRoot { currentAppInstallation { id } }"""

    assert requested_cost(_pieces(query)) == 1 + 2
    assert requested_cost(_pieces(query, no=True)) == 1 + 2 + 1


def test_an_answer_costs_by_the_rows_that_came():
    lines = {"nodes": [{"product": {"id": "1"}, "variant": None, "discountAllocations": []}]}
    order = {"customer": None, "lineItems": lines, "refunds": []}
    pieces = _pieces(ORDERS, first=250)

    # One line: 2 + 1 * (1 + product + the list of allocations). Refunds are a list of one point.
    assert actual_cost(pieces, {"orders": {"nodes": [order]}}) == 2 + 1 * (1 + (2 + 3) + 1)
    assert actual_cost(pieces, {"orders": {"nodes": []}}) == 2
    assert actual_cost(pieces, {"orders": None}) == 0
    assert actual_cost(pieces, None) == 0


def test_a_full_answer_costs_what_was_asked_for():
    customer = {"defaultEmailAddress": {"emailAddress": "a"}, "defaultPhoneNumber": {}}
    pieces = _pieces(CUSTOMERS, first=250)

    assert actual_cost(pieces, {"customers": {"nodes": [customer] * 250}}) == 35


def test_wrong_variables_cost_nothing():
    assert requested_cost(_pieces(ORDERS, first="many")) == 0


@pytest.mark.parametrize("document", SINGLE_DOCUMENTS)
def test_the_product_asks_nothing_that_is_too_dear(document: str):
    variables = {
        "id": "gid://shopify/BulkOperation/1",
        "ids": [f"gid://shopify/Order/{number}" for number in range(1, 251)],
        "location": "gid://shopify/Location/1",
        "query": "{ orders { edges { node { id } } } }",
        "topic": "ORDERS_CREATE",
        "subscription": {"uri": "https://app.example.com"},
    }

    assert 0 < requested_cost(_pieces(document, **variables)) <= MOST_FOR_ONE_QUERY
