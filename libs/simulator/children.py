"""The lists below a row, for pages and for bulk operations."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from libs.simulator.fields import RefundLineOfOrder, RefundOfOrder
from libs.simulator.model import Collection, Product
from libs.simulator.offers import codes_of
from libs.simulator.search import predicate, terms_from_query
from libs.simulator.shops import Shop
from libs.simulator.stock import Level, location_of

Children = Callable[[Shop, Any], Sequence[Any]]


def products_of(shop: Shop, collection: Collection) -> list[Product]:
    """What is left of them, in the collection's order."""
    found = (shop.products.get(number) for number in collection.product_ids)
    return [product for product in found if product is not None]


def _collections_of(shop: Shop, product: Product) -> list[Collection]:
    return [one for one in shop.collections.values() if product.id in one.product_ids]


def _refund_lines(_shop: Shop, source: RefundOfOrder) -> list[RefundLineOfOrder]:
    lines = {line.id: line for line in source.order.lines}
    return [
        RefundLineOfOrder(lines[item.line_id], item)
        for item in source.refund.lines
        if item.line_id in lines
    ]


CHILDREN: Mapping[tuple[str, str], Children] = {
    ("Order", "lineItems"): lambda _, order: order.lines,
    ("Refund", "refundLineItems"): _refund_lines,
    ("Fulfillment", "fulfillmentLineItems"): lambda _, fulfillment: fulfillment.order.lines,
    ("Product", "variants"): lambda _, product: product.variants,
    ("Product", "images"): lambda _, __: (),
    ("ProductVariant", "presentmentPrices"): lambda _, variant: (variant,),
    ("Product", "collections"): _collections_of,
    ("Collection", "products"): products_of,
    ("InventoryItem", "inventoryLevels"): lambda shop, item: [Level(location_of(shop.facts), item)],
    ("InventoryItem", "variants"): lambda _, item: [item],
    ("Location", "inventoryLevels"): lambda shop, location: [
        Level(location, variant) for variant in shop.variants.values()
    ],
    ("DraftOrder", "lineItems"): lambda _, draft: draft.order.lines,
    ("AbandonedCheckout", "lineItems"): lambda _, checkout: checkout.order.lines,
    ("DiscountCodeBasic", "codes"): lambda _, offer: codes_of(offer),
}
_SEARCHED: Mapping[tuple[str, str], type] = {
    ("InventoryItem", "inventoryLevels"): Level,
    ("Location", "inventoryLevels"): Level,
}
"""The lists that take a search, and of what rows they are."""


def children_of(parent_type: str, name: str, args: Mapping[str, Any]) -> Children:
    """What reads the list, without the rows that its search leaves out. Raises SearchError."""
    children, entity = CHILDREN[parent_type, name], _SEARCHED.get((parent_type, name))
    if entity is None:
        return children
    matches = predicate(entity, terms_from_query(entity, args.get("query")))
    if matches is None:
        return children
    return lambda shop, row: list(filter(matches, children(shop, row)))


SAME_ROW = frozenset(
    {
        ("ProductVariant", "InventoryItem"),
        ("DiscountNode", "DiscountCodeBasic"),
        ("DiscountCodeNode", "DiscountCodeBasic"),
    }
)
"""A field of the first type gives the second one as the same row."""
