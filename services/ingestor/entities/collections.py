"""Collections. Which products are in them is kept by `collection_products`."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.bodies import Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Kind, Row, Topic, deletion_topic
from services.ingestor.values import GlobalId, Id, Moment, Text

_NAME = "collections"


class Collection(Row, kw_only=True, frozen=True, gc=False):
    id: int
    title: str | None
    handle: str | None


class _Node(Struct, rename="camel"):
    id: GlobalId
    title: Text
    handle: Text
    updated_at: Moment


class _Body(Named, kw_only=True):
    id: Id
    updated_at: Moment
    title: Text | None = None
    handle: Text | None = None


def _rows(node: _Node, _children: Sequence[Any]) -> Sequence[Collection]:
    row = Collection(
        id=shopify_id(node.id),
        title=node.title,
        handle=node.handle,
        updated_at=node.updated_at,
    )
    return (row,)


def _seen(body: _Body) -> Records:
    row = Collection(id=body.id, title=body.title, handle=body.handle, updated_at=body.updated_at)
    return Records(entity=_NAME, rows=(row,))


_SEEN = Topic(body=_Body, fact=_seen)

KIND = Kind(
    name=_NAME,
    scope="read_products",
    root="collections",
    fields="id title handle updatedAt",
    node=_Node,
    row=Collection,
    rows=_rows,
    page_size=250,
    node_type="Collection",
    count="collectionsCount",
    topics={
        "collections/create": _SEEN,
        "collections/update": _SEEN,
        "collections/delete": deletion_topic(_NAME),
    },
)
