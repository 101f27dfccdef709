"""Variants of products. Any change of one, of its stock also, is a change of its product, so pages
of changed products show every variant that changed, and all that a product has.

Prices are in the shop's currency, as in deliveries.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field

from libs.common.ids import shopify_id
from services.ingestor.deliveries.amounts import optional_money
from services.ingestor.deliveries.bodies import Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Children, Kind, Owner, Row, Topic
from services.ingestor.values import GlobalId, Id, Moment, Number, Text

_NAME = "product_variants"


class Variant(Row, kw_only=True, frozen=True, gc=False):
    id: int
    product_id: int
    title: str | None
    sku: str | None
    barcode: str | None
    price: Decimal | None
    compare_at_price: Decimal | None
    position: int | None
    inventory_item_id: int | None
    inventory_quantity: int | None
    created_at: datetime | None


class _Product(Struct):
    id: GlobalId


class _Item(Struct):
    id: GlobalId


class _Node(Struct, rename="camel"):
    id: GlobalId
    title: Text
    price: Decimal
    position: Number
    inventory_item: _Item
    created_at: Moment
    updated_at: Moment
    sku: Text | None = None
    barcode: Text | None = None
    compare_at_price: Decimal | None = None
    inventory_quantity: Number | None = None


class _VariantBody(Struct, kw_only=True):
    id: Id
    updated_at: Moment
    title: Text | None = None
    sku: Text | None = None
    barcode: Text | None = None
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    position: Number | None = None
    inventory_item_id: Id | None = None
    inventory_quantity: Number | None = None
    created_at: Moment | None = None


class _Named(Struct):
    """A variant of which a body says no more."""


class _Body(Named, kw_only=True):
    id: Id
    variants: list[_VariantBody] = field(default_factory=list)
    variant_gids: list[_Named] | None = None


def _rows(product: _Product, variants: Sequence[_Node]) -> Sequence[Variant]:
    product_id = shopify_id(product.id)
    return [
        Variant(
            id=shopify_id(variant.id),
            product_id=product_id,
            title=variant.title,
            sku=variant.sku,
            barcode=variant.barcode,
            price=variant.price,
            compare_at_price=variant.compare_at_price,
            position=variant.position,
            inventory_item_id=shopify_id(variant.inventory_item.id),
            inventory_quantity=variant.inventory_quantity,
            created_at=variant.created_at,
            updated_at=variant.updated_at,
        )
        for variant in variants
    ]


def _seen(body: _Body) -> Records:
    """Of a hundred variants at most a body tells all; then the others have but a name in it."""
    is_whole = body.variants and len(body.variant_gids or ()) <= len(body.variants)
    return Records(
        entity=_NAME,
        rows=tuple(_row(body.id, variant) for variant in body.variants),
        owner_id=body.id if is_whole else None,
    )


def _row(product_id: int, variant: _VariantBody) -> Variant:
    return Variant(
        id=variant.id,
        product_id=product_id,
        title=variant.title,
        sku=variant.sku,
        barcode=variant.barcode,
        price=optional_money(variant.price, "variants[...].price"),
        compare_at_price=optional_money(variant.compare_at_price, "variants[...].compare_at_price"),
        position=variant.position,
        inventory_item_id=variant.inventory_item_id,
        inventory_quantity=variant.inventory_quantity,
        created_at=variant.created_at,
        updated_at=variant.updated_at,
    )


_SEEN = Topic(body=_Body, fact=_seen)

KIND = Kind(
    name=_NAME,
    scope="read_products",
    root="products",
    fields="id updatedAt",
    node=_Product,
    row=Variant,
    rows=_rows,
    children=Children(
        connection="variants",
        fields="id title sku barcode price compareAtPrice position inventoryQuantity "
        "createdAt updatedAt inventoryItem { id }",
        node=_Node,
        first=100,
    ),
    owner=Owner(entity="products", column="product_id", listed="variants_listed_at"),
    count="productVariantsCount",
    topics={"products/create": _SEEN, "products/update": _SEEN},
)
