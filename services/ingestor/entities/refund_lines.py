"""Refund lines: the goods that came back, line by line of the order.

A refund never changes, so its lines have the time of its making. No bulk query can read them, and
to read them page by page is slow, so the pages leave out orders that are simply paid: a refund
changes that. Where it gave no money back the order stays paid: the sales know of the refund, and
the order is asked for alone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from libs.common.ids import shopify_id
from services.ingestor.deliveries.amounts import money
from services.ingestor.deliveries.bodies import ORDER_TOPICS, Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Children, Kind, Owner, Row, Topic
from services.ingestor.shopify.nodes import Money, Reference
from services.ingestor.values import (
    EARLIEST,
    ClampedMoment,
    Currency,
    GlobalId,
    Id,
    Moment,
    Number,
    Quantity,
    Text,
)

_NAME = "refund_lines"


class RefundLine(Row, kw_only=True, frozen=True, gc=False):
    """`part` tells apart what one refund has of one line: goods may go back to two places.

    Shopify's own id may be missing in a pull, so it is no key.
    """

    KEY: ClassVar[tuple[str, ...]] = ("refund_id", "line_id", "part")

    refund_id: int
    line_id: int
    part: int = 0
    order_id: int
    quantity: int
    restock_type: str
    location_id: int | None
    subtotal: Decimal
    tax: Decimal
    currency: str


class _InShop(Struct, rename="camel"):
    shop_money: Money


class _Line(Struct, rename="camel"):
    line_item: Reference
    quantity: Number
    restock_type: Text
    subtotal_set: _InShop
    total_tax_set: _InShop
    location: Reference | None = None


class _Refund(Struct, rename="camel"):
    id: GlobalId
    processed_at: Moment
    children: list[_Line]
    created_at: Moment | None = None


class _Order(Struct):
    id: GlobalId
    refunds: list[_Refund]


class _Told(Struct):
    amount: Decimal
    currency_code: Currency


class _ToldInShop(Struct):
    shop_money: _Told


class _LineBody(Struct):
    line_item_id: Id
    quantity: Quantity
    restock_type: Text
    subtotal_set: _ToldInShop
    total_tax_set: _ToldInShop
    location_id: Id | None = None


class _RefundBody(Named, kw_only=True):
    id: Id
    order_id: Id
    created_at: ClampedMoment | None
    refund_line_items: list[_LineBody] | None = None


class _OrderBody(Named, kw_only=True):
    id: Id
    refunds: list[_RefundBody] | None = None


def _rows(order: _Order, _children: Sequence[Any]) -> Sequence[RefundLine]:
    order_id = shopify_id(order.id)
    return _numbered(
        _row(order_id, refund, line) for refund in order.refunds for line in refund.children
    )


def _row(order_id: int, refund: _Refund, line: _Line) -> RefundLine:
    goods = line.subtotal_set.shop_money
    return RefundLine(
        refund_id=shopify_id(refund.id),
        line_id=shopify_id(line.line_item.id),
        order_id=order_id,
        quantity=line.quantity,
        restock_type=line.restock_type.lower(),
        location_id=shopify_id(line.location.id) if line.location else None,
        subtotal=goods.amount,
        tax=line.total_tax_set.shop_money.amount,
        currency=goods.currency_code,
        updated_at=refund.created_at or refund.processed_at,
    )


def _told(order_id: int, refund: _RefundBody) -> Iterable[RefundLine]:
    for line in refund.refund_line_items or ():
        goods, tax = line.subtotal_set.shop_money, line.total_tax_set.shop_money
        yield RefundLine(
            refund_id=refund.id,
            line_id=line.line_item_id,
            order_id=order_id,
            quantity=line.quantity,
            restock_type=line.restock_type,
            location_id=line.location_id,
            subtotal=money(goods.amount, "refund_line_items[...].subtotal_set"),
            tax=money(tax.amount, "refund_line_items[...].total_tax_set"),
            currency=goods.currency_code,
            updated_at=refund.created_at or EARLIEST,
        )


def _numbered(rows: Iterable[RefundLine]) -> tuple[RefundLine, ...]:
    """By what is in them: their order is not the same in a page and in a delivery."""
    ordered = sorted(rows, key=lambda row: (row.restock_type, row.quantity, row.subtotal))
    before: Counter[tuple[int, int]] = Counter()
    numbered = []
    for row in ordered:
        line = (row.refund_id, row.line_id)
        numbered.append(replace(row, part=before[line]))
        before[line] += 1
    return tuple(numbered)


def _refunded(body: _RefundBody) -> Records:
    return Records(entity=_NAME, rows=_numbered(_told(body.order_id, body)))


def _ordered(body: _OrderBody) -> Records:
    rows = _numbered(row for refund in body.refunds or () for row in _told(body.id, refund))
    whole = body.refunds is not None
    return Records(entity=_NAME, rows=rows, owner_id=body.id if whole else None)


KIND = Kind(
    name=_NAME,
    scope="read_orders",
    needs=("read_locations",),
    root="orders",
    fields="id updatedAt",
    node=_Order,
    children=Children(
        within="refunds",
        within_fields="id createdAt processedAt",
        connection="refundLineItems",
        fields="""quantity restockType lineItem { id } location { id }
            subtotalSet { shopMoney { amount currencyCode } }
            totalTaxSet { shopMoney { amount currencyCode } }""",
        first=20,
    ),
    row=RefundLine,
    rows=_rows,
    owner=Owner(entity="orders", column="order_id"),
    only="-financial_status:paid",
    page_size=100,
    bulk=False,
    follows_refunds=True,
    topics={
        "refunds/create": Topic(body=_RefundBody, fact=_refunded),
        **dict.fromkeys(ORDER_TOPICS, Topic(body=_OrderBody, fact=_ordered)),
    },
)
