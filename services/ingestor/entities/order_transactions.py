"""Order transactions: the payments of orders, and what was paid back.

Shopify gives them no time of change. Of two copies the one seen later counts, so all copies have
the time of their making.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.amounts import optional_money
from services.ingestor.deliveries.bodies import ORDER_TOPICS, Coins, Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Kind, Owner, Row, Topic
from services.ingestor.shopify.nodes import MoneyBag, Reference
from services.ingestor.values import GlobalId, Id, Moment, Text

_NAME = "order_transactions"


class OrderTransaction(Row, kw_only=True, frozen=True, gc=False):
    """`amount` is in the shop's currency; the other one is the currency that the buyer saw."""

    id: int
    order_id: int
    parent_id: int | None
    kind: str
    status: str
    gateway: str | None
    test: bool
    amount: Decimal | None
    currency: str | None
    presentment_amount: Decimal | None
    presentment_currency: str | None
    processed_at: datetime | None
    created_at: datetime


class _Transaction(Struct, rename="camel"):
    id: GlobalId
    kind: Text
    status: Text
    test: bool
    created_at: Moment
    amount_set: MoneyBag
    gateway: Text | None = None
    processed_at: Moment | None = None
    parent_transaction: Reference | None = None


class _Order(Struct):
    id: GlobalId
    transactions: list[_Transaction]


class _Body(Named, kw_only=True):
    id: Id
    kind: Text
    status: Text
    created_at: Moment
    parent_id: Id | None = None
    gateway: Text | None = None
    test: bool = False
    amount: Decimal | None = None
    currency: Text | None = None
    total_unsettled_set: Coins | None = None
    processed_at: Moment | None = None


class _OwnBody(_Body, kw_only=True):
    order_id: Id


class _RefundBody(Named, kw_only=True):
    order_id: Id
    transactions: list[_Body] | None = None


class _OrderBody(Named, kw_only=True):
    refunds: list[_RefundBody] | None = None


def _rows(order: _Order, _children: Sequence[Any]) -> Sequence[OrderTransaction]:
    order_id = shopify_id(order.id)
    return [_row(order_id, transaction) for transaction in order.transactions]


def _row(order_id: int, node: _Transaction) -> OrderTransaction:
    parent, money = node.parent_transaction, node.amount_set
    return OrderTransaction(
        id=shopify_id(node.id),
        order_id=order_id,
        parent_id=shopify_id(parent.id) if parent else None,
        kind=node.kind.lower(),
        status=node.status.lower(),
        gateway=node.gateway,
        test=node.test,
        amount=money.shop_money.amount,
        currency=money.shop_money.currency_code,
        presentment_amount=money.presentment_money.amount,
        presentment_currency=money.presentment_money.currency_code,
        processed_at=node.processed_at,
        created_at=node.created_at,
        updated_at=node.created_at,
    )


def _told(order_id: int, body: _Body) -> OrderTransaction:
    """A body has one amount, in the shop's currency or the buyer's: `currency` says in which."""
    coins, paid = body.total_unsettled_set or Coins(), body.currency
    amount = optional_money(body.amount, "amount")
    in_shop = paid is not None and coins.shop_money.currency == paid
    presented = paid is not None and coins.presentment_money.currency == paid
    return OrderTransaction(
        id=body.id,
        order_id=order_id,
        parent_id=body.parent_id,
        kind=body.kind,
        status=body.status,
        gateway=body.gateway,
        test=body.test,
        amount=amount if in_shop else None,
        currency=paid if in_shop else None,
        presentment_amount=amount if presented else None,
        presentment_currency=paid if presented else None,
        processed_at=body.processed_at,
        created_at=body.created_at,
        updated_at=body.created_at,
    )


def _made(body: _OwnBody) -> Records:
    return Records(entity=_NAME, rows=(_told(body.order_id, body),))


def _refunded(body: _RefundBody) -> Records:
    return _paid_back([body])


def _ordered(body: _OrderBody) -> Records:
    """Only what was paid back: an order's body has no other transactions."""
    return _paid_back(body.refunds or ())


def _paid_back(refunds: Iterable[_RefundBody]) -> Records:
    rows = (_told(each.order_id, one) for each in refunds for one in each.transactions or ())
    return Records(entity=_NAME, rows=tuple(rows))


KIND = Kind(
    name=_NAME,
    scope="read_orders",
    root="orders",
    fields="""id updatedAt transactions {
        id kind status gateway test createdAt processedAt parentTransaction { id }
        amountSet {
            shopMoney { amount currencyCode }
            presentmentMoney { amount currencyCode }
        }
    }""",
    node=_Order,
    row=OrderTransaction,
    rows=_rows,
    owner=Owner(entity="orders", column="order_id"),
    from_pulls=("amount", "currency", "presentment_amount", "presentment_currency"),
    topics={
        "order_transactions/create": Topic(body=_OwnBody, fact=_made),
        "refunds/create": Topic(body=_RefundBody, fact=_refunded),
        **dict.fromkeys(ORDER_TOPICS, Topic(body=_OrderBody, fact=_ordered)),
    },
)
