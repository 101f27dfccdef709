"""Discounts, by code or automatic, of every type that Shopify has.

A delivery tells title, status and times of change alone; what else is known stays until a pull.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.bodies import Named
from services.ingestor.facts import Gone, Records
from services.ingestor.kinds.kind import Kind, Row, Topic
from services.ingestor.values import GlobalId, Moment, Text

_NAME = "discounts"
_TYPES = (
    *("DiscountAutomaticApp", "DiscountAutomaticBasic", "DiscountAutomaticBxgy"),
    *("DiscountAutomaticFreeShipping", "DiscountCodeApp", "DiscountCodeBasic"),
    *("DiscountCodeBxgy", "DiscountCodeFreeShipping"),
)
_FIELDS = "title status createdAt updatedAt startsAt endsAt"


class Discount(Row, kw_only=True, frozen=True, gc=False):
    """`by_code` is false for one that applies by itself."""

    id: int
    title: str | None
    status: str | None
    by_code: bool
    created_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None


class _Discount(Struct, rename="camel"):
    type: Text
    title: Text
    status: Text
    created_at: Moment
    updated_at: Moment
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class _Node(Struct):
    id: GlobalId
    discount: _Discount


class _Body(Named, kw_only=True):
    admin_graphql_api_id: GlobalId
    updated_at: Moment
    title: Text | None = None
    status: Text | None = None
    created_at: Moment | None = None


class _DeletedBody(Named, kw_only=True, forbid_unknown_fields=True):
    admin_graphql_api_id: GlobalId
    deleted_at: Moment


def _rows(node: _Node, _children: Sequence[Any]) -> Sequence[Discount]:
    found = node.discount
    return (
        Discount(
            id=shopify_id(node.id),
            title=found.title,
            status=found.status.lower(),
            by_code=found.type.startswith("DiscountCode"),
            created_at=found.created_at,
            starts_at=found.starts_at,
            ends_at=found.ends_at,
            updated_at=found.updated_at,
        ),
    )


def _seen(body: _Body) -> Records:
    row = Discount(
        id=shopify_id(body.admin_graphql_api_id),
        title=body.title,
        status=body.status and body.status.lower(),
        by_code="/DiscountCode" in body.admin_graphql_api_id,
        created_at=body.created_at,
        starts_at=None,
        ends_at=None,
        updated_at=body.updated_at,
    )
    return Records(entity=_NAME, rows=(row,))


def _gone(body: _DeletedBody) -> Gone:
    return Gone(entity=_NAME, key=(shopify_id(body.admin_graphql_api_id),))


_SEEN = Topic(body=_Body, fact=_seen)

KIND = Kind(
    name=_NAME,
    scope="read_discounts",
    root="discountNodes",
    fields=" ".join(
        (
            "id discount { type: __typename",
            *(f"... on {name} {{ {_FIELDS} }}" for name in _TYPES),
            "}",
        )
    ),
    node=_Node,
    row=Discount,
    rows=_rows,
    from_pulls=("starts_at", "ends_at"),
    node_type="DiscountNode",
    count="discountNodesCount",
    topics={
        "discounts/create": _SEEN,
        "discounts/update": _SEEN,
        "discounts/delete": Topic(body=_DeletedBody, fact=_gone),
    },
)
