"""The schema of `schema.graphql`, and which scope guards what."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from graphql import GraphQLSchema, build_schema

_FEW: Mapping[str, tuple[str, ...]] = {
    "read_products": (
        *("productVariants", "productVariantsCount", "productVariant"),
        *("collections", "collectionsCount", "collection"),
    ),
    "read_inventory": ("inventoryItems", "inventoryItem"),
    "read_locations": ("locations", "locationsCount", "location"),
    "read_draft_orders": ("draftOrders", "draftOrdersCount", "draftOrder"),
    "read_orders": ("abandonedCheckouts", "abandonedCheckoutsCount"),
    "read_discounts": (
        *("discountNodes", "discountNodesCount", "discountNode"),
        "codeDiscountNodes",
    ),
}
SCOPES: Mapping[tuple[str, str], str] = {
    ("QueryRoot", "orders"): "read_orders",
    ("QueryRoot", "ordersCount"): "read_orders",
    ("QueryRoot", "order"): "read_orders",
    ("QueryRoot", "refund"): "read_orders",
    ("QueryRoot", "customers"): "read_customers",
    ("QueryRoot", "customersCount"): "read_customers",
    ("QueryRoot", "customer"): "read_customers",
    ("QueryRoot", "products"): "read_products",
    ("QueryRoot", "productsCount"): "read_products",
    ("QueryRoot", "product"): "read_products",
    **{("QueryRoot", name): scope for scope, names in _FEW.items() for name in names},
    ("Order", "customer"): "read_customers",
    ("DraftOrder", "customer"): "read_customers",
    ("AbandonedCheckout", "customer"): "read_customers",
    ("InventoryLevel", "location"): "read_locations",
    ("Fulfillment", "location"): "read_locations",
    ("RefundLineItem", "location"): "read_locations",
    ("LineItem", "product"): "read_products",
    ("LineItem", "variant"): "read_products",
}

PROTECTED = frozenset(
    {
        *(("Customer", name) for name in ("firstName", "lastName", "displayName", "email")),
        *(("Customer", name) for name in ("defaultEmailAddress", "defaultPhoneNumber")),
        ("Order", "email"),
    }
)
"""Level 2 of what Shopify calls protected customer data."""


@cache
def admin_schema() -> GraphQLSchema:
    return build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))
