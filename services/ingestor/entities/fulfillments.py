"""Fulfillments: what was sent of an order, from where, and whether it came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.bodies import ORDER_TOPICS, Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Kind, Owner, Row, Topic
from services.ingestor.shopify.nodes import Reference
from services.ingestor.values import GlobalId, Id, Moment, Number, Quantity, Text

_NAME = "fulfillments"
_SHIPMENT_WORDS: Final = frozenset(
    {
        "attempted_delivery",
        "confirmed",
        "delivered",
        "failure",
        "in_transit",
        "label_printed",
        "label_purchased",
        "out_for_delivery",
        "ready_for_pickup",
    }
)
"""Deliveries have these; the API's `displayStatus` has others where nothing is known of it."""


class Fulfillment(Row, kw_only=True, frozen=True, gc=False):
    id: int
    order_id: int
    name: str | None
    status: str
    shipment_status: str | None
    location_id: int | None
    quantity: int
    in_transit_at: datetime | None = None
    delivered_at: datetime | None = None
    created_at: datetime


class _Fulfillment(Struct, rename="camel"):
    id: GlobalId
    name: Text
    status: Text
    total_quantity: Number
    created_at: Moment
    updated_at: Moment
    display_status: Text | None = None
    location: Reference | None = None
    in_transit_at: Moment | None = None
    delivered_at: Moment | None = None


class _Order(Struct):
    id: GlobalId
    fulfillments: list[_Fulfillment]


class _Line(Struct):
    quantity: Quantity


class _Body(Named, kw_only=True):
    id: Id
    order_id: Id
    status: Text
    line_items: list[_Line]
    created_at: Moment
    updated_at: Moment
    name: Text | None = None
    shipment_status: Text | None = None
    location_id: Id | None = None


class _OrderBody(Named, kw_only=True):
    id: Id
    fulfillments: list[_Body] | None = None


def _rows(order: _Order, _children: Sequence[Any]) -> Sequence[Fulfillment]:
    order_id = shopify_id(order.id)
    return [_row(order_id, fulfillment) for fulfillment in order.fulfillments]


def _row(order_id: int, node: _Fulfillment) -> Fulfillment:
    shown = (node.display_status or "").lower()
    return Fulfillment(
        id=shopify_id(node.id),
        order_id=order_id,
        name=node.name,
        status=node.status.lower(),
        shipment_status=shown if shown in _SHIPMENT_WORDS else None,
        location_id=shopify_id(node.location.id) if node.location else None,
        quantity=node.total_quantity,
        in_transit_at=node.in_transit_at,
        delivered_at=node.delivered_at,
        created_at=node.created_at,
        updated_at=node.updated_at,
    )


def _told(order_id: int, body: _Body) -> Fulfillment:
    return Fulfillment(
        id=body.id,
        order_id=order_id,
        name=body.name,
        status=body.status,
        shipment_status=body.shipment_status,
        location_id=body.location_id,
        quantity=sum(line.quantity for line in body.line_items),
        created_at=body.created_at,
        updated_at=body.updated_at,
    )


def _sent(body: _Body) -> Records:
    return Records(entity=_NAME, rows=(_told(body.order_id, body),))


def _ordered(body: _OrderBody) -> Records:
    rows = tuple(_told(body.id, each) for each in body.fulfillments or ())
    whole = body.fulfillments is not None
    return Records(entity=_NAME, rows=rows, owner_id=body.id if whole else None)


_SENT = Topic(body=_Body, fact=_sent)

KIND = Kind(
    name=_NAME,
    scope="read_orders",
    needs=("read_locations",),
    root="orders",
    fields="""id updatedAt fulfillments {
        id name status displayStatus totalQuantity createdAt updatedAt inTransitAt deliveredAt
        location { id }
    }""",
    node=_Order,
    row=Fulfillment,
    rows=_rows,
    owner=Owner(entity="orders", column="order_id"),
    from_pulls=("in_transit_at", "delivered_at"),
    topics={
        "fulfillments/create": _SENT,
        "fulfillments/update": _SENT,
        **dict.fromkeys(ORDER_TOPICS, Topic(body=_OrderBody, fact=_ordered)),
    },
)
