"""Which product is in which collection.

No delivery says it. A collection that is filled by hand, or whose rules change, is changed by
that, so the next pull lists its products anew. Products that start or stop to match the rules of
a collection change neither it nor give news of it: those are put right by the weekly whole pull.
A membership goes with its collection and with its product.
"""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.kinds.kind import Children, Kind, Owner, Row
from services.ingestor.values import GlobalId, Moment


class Membership(Row, kw_only=True, frozen=True, gc=False):
    """Nothing of it changes: it has the time of its collection."""

    KEY: ClassVar[tuple[str, ...]] = ("collection_id", "product_id")

    collection_id: int
    product_id: int


class _Collection(Struct, rename="camel"):
    id: GlobalId
    updated_at: Moment


class _Product(Struct):
    id: GlobalId


def _rows(collection: _Collection, products: Sequence[_Product]) -> Sequence[Membership]:
    collection_id = shopify_id(collection.id)
    return [
        Membership(
            collection_id=collection_id,
            product_id=shopify_id(product.id),
            updated_at=collection.updated_at,
        )
        for product in products
    ]


KIND = Kind(
    name="collection_products",
    scope="read_products",
    root="collections",
    fields="id updatedAt",
    node=_Collection,
    row=Membership,
    rows=_rows,
    children=Children(connection="products", fields="id", node=_Product, first=250),
    owner=Owner(entity="collections", column="collection_id"),
    others=(Owner(entity="products", column="product_id"),),
)
