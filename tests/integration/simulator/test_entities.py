"""Payments, shipments, stock, collections, discounts, draft orders and abandoned checkouts: there
in every shop, consistent with its orders and products, the same in pages and in bulk."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.simulator.driver import SCOPES, Simulator

ALL_SCOPES = f"{SCOPES},read_inventory,read_locations,read_discounts,read_draft_orders"
MONEY = "shopMoney { amount }"
ORDERS = f"""{{ orders {{ edges {{ node {{ id createdAt test displayFulfillmentStatus
  displayFinancialStatus subtotalLineItemsQuantity cancelledAt
  totalPriceSet {{ {MONEY} }} totalRefundedSet {{ {MONEY} }}
  transactions {{ id kind status test createdAt amountSet {{ {MONEY} }} parentTransaction {{ id }}
    order {{ id }} }}
  fulfillments {{ id status createdAt totalQuantity location {{ id }} }} }} }} }} }}"""
LISTS = {
    "products": "id title bodyHtml description(truncateAt: 10) descriptionHtml templateSuffix "
    "onlineStoreUrl tracksInventory hasOutOfStockVariants requiresSellingPlan "
    "priceRangeV2 { minVariantPrice { amount currencyCode } maxVariantPrice { amount } } "
    "seo { title } featuredImage { id url } feedback { summary } category { id } "
    "featuredMedia { id ... on MediaImage { image { id } } } options { id name position values } "
    "all: variantsCount { count } mediaCount { count }",
    "productVariants": "id title sku price product { id } inventoryPolicy availableForSale "
    "sellableOnlineQuantity requiresComponents taxCode image { url } "
    "inventoryItem { id tracked measurement { id weight { value unit } } } "
    "selectedOptions { name value optionValue { id name hasVariants swatch { color } } }",
    "collections": "id title handle updatedAt sortOrder productsCount { count }",
    "locations": "id name isActive address { countryCode }",
    "inventoryItems": "id sku createdAt updatedAt",
    "draftOrders": f"id name status createdAt completedAt order {{ id }} customer {{ id }} "
    f"totalPriceSet {{ {MONEY} presentmentMoney {{ amount currencyCode }} }}",
    "abandonedCheckouts": f"id name createdAt completedAt abandonedCheckoutUrl customer {{ id }} "
    f"totalPriceSet {{ {MONEY} }} totalLineItemsPriceSet {{ {MONEY} }}",
    "discountNodes": "id discount { __typename ... on DiscountCodeBasic { title usageLimit } "
    "... on DiscountAutomaticBasic { title startsAt endsAt } }",
    "codeDiscountNodes": "id codeDiscount { ... on DiscountCodeBasic { title summary } }",
}


@pytest.fixture(params=["generated", "file"])
async def shop(request: pytest.FixtureRequest, bluebird: Simulator, simulator: Simulator) -> Any:
    """A generated shop and one from a file, with every scope."""
    return await (bluebird if request.param == "generated" else simulator).install(ALL_SCOPES)


def _amount(row: Any, name: str) -> Decimal:
    return Decimal(row[name]["shopMoney"]["amount"])


async def _pages(shop: Simulator, name: str, selection: str) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = await shop.graphql(
            f"""query ($after: String) {{ {name}(first: 100, after: $after) {{
              nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }} }}""",
            after=after,
        )
        found += page[name]["nodes"]
        if not page[name]["pageInfo"]["hasNextPage"]:
            return found
        after = page[name]["pageInfo"]["endCursor"]


async def _bulk(shop: Simulator, name: str, selection: str) -> list[Any]:
    return await shop.rows(f"{{ {name} {{ edges {{ node {{ {selection} }} }} }} }}")


@pytest.mark.parametrize("name", LISTS)
async def test_pages_and_bulk_give_the_same_rows(shop: Simulator, name: str):
    paged = await _pages(shop, name, LISTS[name])
    exported = await _bulk(shop, name, LISTS[name])

    def by_id(rows: list[Any]) -> list[Any]:
        return sorted(rows, key=lambda row: row["id"])

    assert paged
    assert by_id(exported) == by_id(paged)
    assert len({row["id"] for row in paged}) == len(paged)


async def test_every_payment_and_refund_is_a_transaction(shop: Simulator):
    orders = await shop.rows(ORDERS)

    for order in orders:
        paid, *back = order["transactions"]
        assert (paid["kind"], paid["status"], paid["test"]) == ("SALE", "SUCCESS", order["test"])
        assert _amount(paid, "amountSet") == _amount(order, "totalPriceSet")
        assert (paid["createdAt"], paid["parentTransaction"]) == (order["createdAt"], None)
        refunded = sum(_amount(one, "amountSet") for one in back)
        assert refunded == _amount(order, "totalRefundedSet")
        assert all(one["kind"] == "REFUND" for one in back)
        assert all(one["parentTransaction"] == {"id": paid["id"]} for one in back)
        assert all(one["order"] == {"id": order["id"]} for one in order["transactions"])
    numbers = [one["id"] for order in orders for one in order["transactions"]]
    assert len(set(numbers)) == len(numbers)


async def test_what_is_fulfilled_was_sent_whole_and_the_rest_not_at_all(shop: Simulator):
    live = await shop.order()
    orders = await shop.rows(ORDERS)
    [location] = await _pages(shop, "locations", "id")
    await shop.control("DELETE", f"/orders/{live['id']}")

    states = {order["id"]: order["displayFulfillmentStatus"] for order in orders}
    assert states[f"gid://shopify/Order/{live['id']}"] == "UNFULFILLED"
    assert set(states.values()) == {"FULFILLED", "UNFULFILLED"}
    for order in orders:
        if order["displayFulfillmentStatus"] == "UNFULFILLED":
            assert order["fulfillments"] == []
            continue
        [sent] = order["fulfillments"]
        assert order["cancelledAt"] is None
        assert (sent["status"], sent["location"]) == ("SUCCESS", location)
        assert sent["totalQuantity"] == order["subtotalLineItemsQuantity"]


async def test_a_shipment_and_a_refund_show_their_lines(bluebird: Simulator):
    page = await bluebird.graphql(
        """{ orders(first: 100) { nodes { lineItems(first: 9) { nodes { id quantity } }
          fulfillments(first: 5) { fulfillmentLineItems(first: 9) { nodes {
            quantity lineItem { id } } } }
          refunds { refundLineItems(first: 9) { nodes { quantity lineItem { id } } } } } } }"""
    )
    orders = page["orders"]["nodes"]

    assert any(order["refunds"] for order in orders)
    for order in orders:
        lines = {line["id"]: line["quantity"] for line in order["lineItems"]["nodes"]}
        for sent in order["fulfillments"]:
            rows = sent["fulfillmentLineItems"]["nodes"]
            assert {row["lineItem"]["id"]: row["quantity"] for row in rows} == lines
        for refund in order["refunds"]:
            for row in refund["refundLineItems"]["nodes"]:
                assert row["quantity"] <= lines[row["lineItem"]["id"]]


async def test_every_variant_has_its_stock_at_the_location(shop: Simulator):
    variants = await _bulk(shop, "productVariants", "id inventoryQuantity inventoryItem { id }")
    below = 'id isActive location { id } quantities(names: ["available"]) { name quantity }'
    of_items = await _bulk(
        shop, "inventoryItems", f"id inventoryLevels {{ edges {{ node {{ {below} }} }} }}"
    )
    of_location = await _bulk(
        shop, "locations", f"id inventoryLevels {{ edges {{ node {{ {below} }} }} }}"
    )

    levels = {row["__parentId"]: row for row in of_items if "__parentId" in row}
    assert len(levels) == len(variants)
    for variant in variants:
        level = levels[variant["inventoryItem"]["id"]]
        stock = {"name": "available", "quantity": variant["inventoryQuantity"]}
        assert level["quantities"] == [stock]
    ids = {level["id"] for level in levels.values()}
    assert {row["id"] for row in of_location if "__parentId" in row} == ids


async def test_a_collection_holds_products_that_name_it(shop: Simulator):
    rows = await _bulk(
        shop,
        "collections",
        "id productsCount { count } products { edges { node { id title } } }",
    )
    named = await _bulk(shop, "products", "id collections { edges { node { id } } }")

    members = {(row["__parentId"], row["id"]) for row in rows if "__parentId" in row}
    assert members
    assert {(row["id"], row["__parentId"]) for row in named if "__parentId" in row} == members
    counts = Counter(collection for collection, _ in members)
    for row in rows:
        if "__parentId" not in row:
            assert row["productsCount"]["count"] == counts[row["id"]]


async def test_a_deleted_product_leaves_its_collections_and_stock(simulator: Simulator):
    await simulator.install(ALL_SCOPES)
    [collection] = await _pages(simulator, "collections", "id products(first: 9) { nodes { id } }")
    gone, *left = collection["products"]["nodes"]
    await simulator.control("DELETE", f"/products/{gone['id'].rpartition('/')[2]}")
    made = await simulator.control("POST", "/products", {"title": "Pot", "inventory": 7})

    [after] = await _pages(simulator, "collections", "id products(first: 9) { nodes { id } }")
    variants = await _pages(simulator, "productVariants", "product { id } inventoryQuantity")

    assert after["products"]["nodes"] == left
    products = {variant["product"]["id"] for variant in variants}
    assert products == {one["id"] for one in left} | {f"gid://shopify/Product/{made['id']}"}


@pytest.mark.parametrize("name", ["draftOrders", "abandonedCheckouts"])
async def test_lines_make_up_the_total_of_what_was_not_ordered_yet(shop: Simulator, name: str):
    discount, total = ("totalDiscountsSet", "originalTotalSet")
    if name == "abandonedCheckouts":
        discount, total = ("totalDiscountSet", "originalTotalPriceSet")
    rows = await _bulk(
        shop,
        name,
        f"""id {discount} {{ {MONEY} }} totalPriceSet {{ {MONEY} }} lineItems {{ edges {{ node {{
          id quantity title variant {{ id }} {total} {{ {MONEY} }} }} }} }}""",
    )

    lines: Counter[str] = Counter()
    for row in rows:
        if "__parentId" in row:
            lines[row["__parentId"]] += _amount(row, total)  # type: ignore[assignment]
    for row in rows:
        if "__parentId" not in row:
            goods = _amount(row, "totalPriceSet") + _amount(row, discount)
            assert abs(lines[row["id"]] - goods) < Decimal("0.01")


async def test_drafts_and_checkouts_are_open_or_came_to_an_order(bluebird: Simulator):
    await bluebird.install(ALL_SCOPES)
    drafts = await _pages(bluebird, "draftOrders", LISTS["draftOrders"])
    checkouts = await _pages(bluebird, "abandonedCheckouts", LISTS["abandonedCheckouts"])

    assert {draft["status"] for draft in drafts} == {"OPEN", "INVOICE_SENT", "COMPLETED"}
    for draft in drafts:
        completed = draft["status"] == "COMPLETED"
        assert (draft["order"] is not None, draft["completedAt"] is not None) == (
            completed,
            completed,
        )
    assert {checkout["completedAt"] is None for checkout in checkouts} == {True, False}
    found = await bluebird.graphql(
        '{ draftOrdersCount(query: "status:open") { count } abandonedCheckoutsCount { count } }'
    )
    opened = sum(draft["status"] == "OPEN" for draft in drafts)
    assert found["draftOrdersCount"]["count"] == opened
    assert found["abandonedCheckoutsCount"]["count"] == len(checkouts)


async def test_a_discount_is_of_one_of_several_types_in_bulk_too(shop: Simulator):
    rows = await _bulk(
        shop,
        "discountNodes",
        """id discount { __typename ... on DiscountAutomaticBasic { title endsAt }
          ... on DiscountCodeBasic { title codes { edges { node { id code } } } } }""",
    )
    codes = {row["__parentId"]: row["code"] for row in rows if "__parentId" in row}
    nodes = [row for row in rows if "__parentId" not in row]

    kinds = Counter(node["discount"]["__typename"] for node in nodes)
    assert kinds == {"DiscountCodeBasic": 3, "DiscountAutomaticBasic": 1}
    for node in nodes:
        coded = node["discount"]["__typename"] == "DiscountCodeBasic"
        assert (node["id"] in codes) == coded
        assert ("endsAt" in node["discount"]) != coded


async def test_one_row_is_found_by_its_id(shop: Simulator):
    for single, several in (
        ("productVariant", "productVariants"),
        ("collection", "collections"),
        ("location", "locations"),
        ("inventoryItem", "inventoryItems"),
        ("draftOrder", "draftOrders"),
        ("discountNode", "discountNodes"),
    ):
        [first, *_] = await _pages(shop, several, LISTS[several])
        query = f"query ($id: ID!) {{ found: {single}(id: $id) {{ {LISTS[several]} }} }}"
        assert (await shop.graphql(query, id=first["id"]))["found"] == first
        assert (await shop.graphql(query, id="gid://shopify/Other/1"))["found"] is None


async def test_every_list_needs_its_scope(simulator: Simulator):
    for name in ("inventoryItems", "locations", "draftOrders", "discountNodes"):
        answer = (await simulator.ask(f"{{ {name}(first: 1) {{ nodes {{ id }} }} }}")).json()
        assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


async def test_a_connection_without_bulk_data_is_refused(simulator: Simulator):
    refused = await simulator.start_bulk(
        """{ orders { edges { node { id lineItems { edges { node { id product {
          variants { edges { node { id } } } } } } } } } } }"""
    )

    assert refused["bulkOperation"] is None
    assert refused["userErrors"][0]["code"] == "INVALID"
