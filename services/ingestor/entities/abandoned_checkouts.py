"""Abandoned checkouts, until Shopify forgets them or they become an order.

No topic is mapped: a checkout delivery comes for every checkout under way and says nothing of its
being abandoned; the scheduled pull reads what changed.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.kinds.kind import Kind, Row
from services.ingestor.shopify.nodes import Reference
from services.ingestor.values import Currency, GlobalId, Moment


class AbandonedCheckout(Row, kw_only=True, frozen=True, gc=False):
    id: int
    customer_id: int | None
    currency: str
    total: Decimal
    subtotal: Decimal
    created_at: datetime
    completed_at: datetime | None


class _Money(Struct, rename="camel"):
    amount: Decimal
    currency_code: Currency


class _ShopMoney(Struct, rename="camel"):
    shop_money: _Money


class _Node(Struct, rename="camel"):
    id: GlobalId
    created_at: Moment
    updated_at: Moment
    total_price_set: _ShopMoney
    subtotal_price_set: _ShopMoney
    completed_at: Moment | None = None
    customer: Reference | None = None


def _rows(node: _Node, _children: Sequence[Any]) -> Sequence[AbandonedCheckout]:
    total = node.total_price_set.shop_money
    return (
        AbandonedCheckout(
            id=shopify_id(node.id),
            customer_id=shopify_id(node.customer.id) if node.customer else None,
            currency=total.currency_code,
            total=total.amount,
            subtotal=node.subtotal_price_set.shop_money.amount,
            created_at=node.created_at,
            completed_at=node.completed_at,
            updated_at=node.updated_at,
        ),
    )


KIND = Kind(
    name="abandoned_checkouts",
    scope="read_orders",
    root="abandonedCheckouts",
    fields="""id createdAt updatedAt completedAt customer { id }
        totalPriceSet { shopMoney { amount currencyCode } }
        subtotalPriceSet { shopMoney { amount currencyCode } }""",
    node=_Node,
    row=AbandonedCheckout,
    rows=_rows,
    sort=None,
)
