"""What a product tells of its variants and of the pictures it has not."""

from decimal import Decimal
from typing import Any

from tests.integration.simulator.driver import Simulator

_TOLD = """{ products(first: 120) { nodes { id hasOutOfStockVariants variantsCount { count }
  options { name position values }
  priceRangeV2 { minVariantPrice { amount } maxVariantPrice { amount currencyCode } } } } }"""
_VARIANTS = """{ productVariants { edges { node {
  id title price inventoryQuantity product { id } } } } }"""


async def _products(bluebird: Simulator) -> list[tuple[Any, list[Any]]]:
    """Each with its variants."""
    products = (await bluebird.graphql(_TOLD))["products"]["nodes"]
    variants = await bluebird.rows(_VARIANTS)
    assert len(products) == 120
    return [
        (product, [one for one in variants if one["product"]["id"] == product["id"]])
        for product in products
    ]


async def test_a_product_counts_and_names_its_variants(bluebird: Simulator):
    for product, variants in await _products(bluebird):
        [option] = product["options"]
        assert option["values"] == [one["title"] for one in variants]
        assert product["variantsCount"]["count"] == len(variants)


async def test_a_product_tells_its_lowest_and_highest_price(bluebird: Simulator):
    for product, variants in await _products(bluebird):
        prices = [Decimal(one["price"]) for one in variants]
        lowest, highest = product["priceRangeV2"].values()
        assert Decimal(lowest["amount"]) == min(prices)
        assert Decimal(highest["amount"]) == max(prices)
        assert highest["currencyCode"] == "EUR"


async def test_a_product_says_whether_a_variant_is_sold_out(bluebird: Simulator):
    found = await _products(bluebird)

    assert {product["hasOutOfStockVariants"] for product, _ in found} == {True, False}
    for product, variants in found:
        least = min(one["inventoryQuantity"] for one in variants)
        assert product["hasOutOfStockVariants"] is (least < 1)


async def test_no_product_has_a_picture_in_pages_or_in_bulk(simulator: Simulator):
    asked = await simulator.graphql(
        "{ products(first: 5) { nodes { images(first: 5) { nodes { id url } } } } }"
    )
    pages = asked["products"]["nodes"]
    lines = await simulator.rows(
        "{ products { edges { node { id images { edges { node { id url altText } } } } } } }"
    )

    assert pages == [{"images": {"nodes": []}}] * 2
    assert [set(line) for line in lines] == [{"id"}] * 2


async def test_a_variant_has_its_price_in_the_shops_currency_in_pages_and_in_bulk(
    simulator: Simulator,
):
    price = "price { amount currencyCode } compareAtPrice { amount }"
    asked = await simulator.graphql(
        "{ productVariants(first: 5) { nodes { id "
        f"presentmentPrices(first: 5) {{ nodes {{ {price} }} }} }} }} }}"
    )
    lines = await simulator.rows(
        "{ productVariants { edges { node { id "
        f"presentmentPrices {{ edges {{ node {{ {price} }} }} }} }} }} }} }}"
    )

    found = asked["productVariants"]["nodes"]
    paged = {row["id"]: row["presentmentPrices"]["nodes"] for row in found}
    exported = {line.pop("__parentId"): [line] for line in lines if "__parentId" in line}
    assert exported == paged
    assert {pair["price"]["currencyCode"] for [pair] in paged.values()} == {"GBP"}
