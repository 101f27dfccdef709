"""What a shop holds, by the name of the query that lists it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from libs.simulator.drafts import Checkout, Draft, checkouts_of, drafts_of
from libs.simulator.model import Collection, Customer, Order, Product, Variant
from libs.simulator.offers import Offer, offers_of
from libs.simulator.shops import Shop
from libs.simulator.stock import Location, location_of


class Root(Struct, frozen=True):
    """Rows of one class, by number, as they are now."""

    entity: type
    kind: str
    rows: Callable[[Shop], Mapping[int, Any]]


def _by_id(rows: Iterable[Any]) -> dict[int, Any]:
    return {row.id: row for row in rows}


def _items(shop: Shop) -> dict[int, Variant]:
    return {variant.inventory_item_id: variant for variant in shop.variants.values()}


ROOTS: Mapping[str, Root] = {
    "orders": Root(Order, "Order", lambda shop: shop.orders),
    "customers": Root(Customer, "Customer", lambda shop: shop.customers),
    "products": Root(Product, "Product", lambda shop: shop.products),
    "productVariants": Root(Variant, "ProductVariant", lambda shop: shop.variants),
    "collections": Root(Collection, "Collection", lambda shop: shop.collections),
    "locations": Root(Location, "Location", lambda shop: _by_id([location_of(shop.facts)])),
    "inventoryItems": Root(Variant, "InventoryItem", _items),
    "draftOrders": Root(Draft, "DraftOrder", lambda shop: _by_id(drafts_of(shop.samples))),
    "abandonedCheckouts": Root(
        Checkout, "AbandonedCheckout", lambda shop: _by_id(checkouts_of(shop.samples))
    ),
    "discountNodes": Root(Offer, "DiscountNode", lambda shop: _by_id(offers_of(shop.facts))),
    "codeDiscountNodes": Root(
        Offer,
        "DiscountCodeNode",
        lambda shop: _by_id(offer for offer in offers_of(shop.facts) if offer.code is not None),
    ),
}
