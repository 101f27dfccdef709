"""A generated product comes in variants, and every order line names the one that was sold."""

import json
from collections import Counter
from decimal import Decimal

from tests.integration.simulator.driver import Receiver, Simulator


async def test_products_have_variants_of_their_own_price_and_lines_name_them(bluebird: Simulator):
    rows = await bluebird.rows(
        """{ products { edges { node { id variants { edges { node {
          id title sku price position inventoryQuantity } } } } } } }""",
    )
    variants = {row["id"]: row for row in rows if "__parentId" in row}
    rows = await bluebird.rows(
        """{ orders { edges { node { id lineItems { edges { node { id name title sku variantTitle
          product { id } variant { id }
          originalUnitPriceSet { shopMoney { amount } } } } } } } } }""",
    )
    lines = [row for row in rows if "__parentId" in row]

    counts = Counter(variant["__parentId"] for variant in variants.values())
    assert set(counts.values()) == {1, 2, 3, 4, 5, 6}
    assert len({variant["sku"] for variant in variants.values()}) == len(variants)
    assert {variant["title"] for variant in variants.values()} > {"Default Title", "S", "墨色"}
    assert len({line["variant"]["id"] for line in lines}) > 100
    for line in lines:
        variant = variants[line["variant"]["id"]]
        assert (line["product"]["id"], line["sku"]) == (variant["__parentId"], variant["sku"])
        paid = Decimal(line["originalUnitPriceSet"]["shopMoney"]["amount"])
        assert paid == Decimal(variant["price"])
        shown = None if variant["title"] == "Default Title" else variant["title"]
        name = line["title"] if shown is None else f"{line['title']} - {shown}"
        assert (line["variantTitle"], line["name"]) == (shown, name)


async def test_an_order_can_name_the_variant_and_a_product_shows_all_of_them(
    bluebird: Simulator, receiver: Receiver
):
    rows = await bluebird.rows(
        "{ products { edges { node { id hasOnlyDefaultVariant totalInventory } } } }"
    )
    wanted = next(row for row in rows if not row["hasOnlyDefaultVariant"])
    number = wanted["id"].rpartition("/")[2]
    product = await bluebird.control("GET", f"/products/{number}")
    second = product["variants"][1]
    await bluebird.subscribe("PRODUCTS_UPDATE", receiver.uri)
    line = {"productId": number, "variantId": second["id"], "price": second["price"]}
    order = await bluebird.order(lines=[line])
    await bluebird.control("PATCH", f"/products/{number}", {"inventory": 1_000})
    await bluebird.control("DELETE", f"/orders/{order['id']}")
    [received] = await receiver.wait_for(1)

    assert order["lines"][0]["variantId"] == second["id"]
    body = json.loads(received.body)
    assert [str(variant["id"]) for variant in body["variants"]] == [
        variant["id"] for variant in product["variants"]
    ]
    assert body["options"][0]["values"] == [variant["title"] for variant in product["variants"]]
    others = wanted["totalInventory"] - product["variants"][0]["inventory"]
    stock = [variant["inventory_quantity"] for variant in body["variants"]]
    assert (stock[0], sum(stock[1:])) == (1_000, others)
    line["variantId"] = str(int(second["id"]) + 9)
    refusal = await bluebird.control("POST", "/orders", {"lines": [line]}, 400)
    assert "no variant" in refusal["error"]
