"""Draft orders: offered to a customer, and an order once they are completed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.bodies import Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Kind, Row, Topic, deletion_topic
from services.ingestor.shopify.nodes import Reference, ShopMoney
from services.ingestor.values import Currency, GlobalId, Id, Moment, Text

_NAME = "draft_orders"


class DraftOrder(Row, kw_only=True, frozen=True, gc=False):
    """`order_id` is the order that came of it."""

    id: int
    name: str | None
    status: str | None
    customer_id: int | None
    order_id: int | None
    currency: str
    total: Decimal
    subtotal: Decimal
    taxes: Decimal
    created_at: datetime | None
    invoice_sent_at: datetime | None
    completed_at: datetime | None


class _Node(Struct, rename="camel"):
    id: GlobalId
    name: Text
    status: Text
    currency_code: Currency
    created_at: Moment
    updated_at: Moment
    total_price_set: ShopMoney
    subtotal_price_set: ShopMoney
    total_tax_set: ShopMoney
    invoice_sent_at: Moment | None = None
    completed_at: Moment | None = None
    customer: Reference | None = None
    order: Reference | None = None


class _Customer(Struct):
    id: Id


class _Body(Named, kw_only=True):
    id: Id
    updated_at: Moment
    currency: Currency
    total_price: Decimal
    subtotal_price: Decimal
    total_tax: Decimal
    name: Text | None = None
    status: Text | None = None
    order_id: Id | None = None
    customer: _Customer | None = None
    created_at: Moment | None = None
    invoice_sent_at: Moment | None = None
    completed_at: Moment | None = None


def _rows(node: _Node, _children: Sequence[Any]) -> Sequence[DraftOrder]:
    return (
        DraftOrder(
            id=shopify_id(node.id),
            name=node.name,
            status=node.status.lower(),
            customer_id=shopify_id(node.customer.id) if node.customer else None,
            order_id=shopify_id(node.order.id) if node.order else None,
            currency=node.currency_code,
            total=node.total_price_set.shop_money.amount,
            subtotal=node.subtotal_price_set.shop_money.amount,
            taxes=node.total_tax_set.shop_money.amount,
            created_at=node.created_at,
            invoice_sent_at=node.invoice_sent_at,
            completed_at=node.completed_at,
            updated_at=node.updated_at,
        ),
    )


def _seen(body: _Body) -> Records:
    row = DraftOrder(
        id=body.id,
        name=body.name,
        status=body.status,
        customer_id=body.customer.id if body.customer else None,
        order_id=body.order_id,
        currency=body.currency,
        total=body.total_price,
        subtotal=body.subtotal_price,
        taxes=body.total_tax,
        created_at=body.created_at,
        invoice_sent_at=body.invoice_sent_at,
        completed_at=body.completed_at,
        updated_at=body.updated_at,
    )
    return Records(entity=_NAME, rows=(row,))


_SEEN = Topic(body=_Body, fact=_seen)

KIND = Kind(
    name=_NAME,
    scope="read_draft_orders",
    root="draftOrders",
    fields="""id name status currencyCode createdAt updatedAt invoiceSentAt completedAt
        customer { id } order { id }
        totalPriceSet { shopMoney { amount } }
        subtotalPriceSet { shopMoney { amount } }
        totalTaxSet { shopMoney { amount } }""",
    node=_Node,
    row=DraftOrder,
    rows=_rows,
    node_type="DraftOrder",
    count="draftOrdersCount",
    topics={
        "draft_orders/create": _SEEN,
        "draft_orders/update": _SEEN,
        "draft_orders/delete": deletion_topic(_NAME),
    },
)
