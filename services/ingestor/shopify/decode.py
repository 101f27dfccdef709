"""Lines of a bulk file into facts. Words for a state are those of deliveries, in lower case."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from libs.common.errors import InvalidInputError
from libs.common.ids import MAX_SHOPIFY_ID, shopify_id
from services.ingestor.facts import (
    ZERO,
    Customer,
    Entity,
    Fact,
    Order,
    OrderLine,
    Product,
    Records,
    Refund,
)
from services.ingestor.json_text import has_nul, read_leniently
from services.ingestor.kinds.kind import Kind, check_fact
from services.ingestor.kinds.registry import KINDS
from services.ingestor.salvage import SalvageError, salvage
from services.ingestor.shopify import nodes
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.jsonl import Joined

UNREADABLE: Final = (msgspec.MsgspecError, InvalidInputError)
"""What the strict reading of an object raises for a value in it."""

WHOLE: Final = "*"
"""Counted in place of a field where an object cannot be read for another reason."""

_DECODER = msgspec.json.Decoder(nodes.Line)

_ORDER: Final = "gid://shopify/Order/"
_CUSTOMER: Final = "gid://shopify/Customer/"
_LINE_ITEM: Final = "gid://shopify/LineItem/"
_PRODUCT: Final = "gid://shopify/Product/"
_VARIANT: Final = "gid://shopify/ProductVariant/"

_FULFILLMENT_WORDS: Final = {"UNFULFILLED": None, "PARTIALLY_FULFILLED": "partial"}
"""Where a delivery's `fulfillment_status` has another word than the API."""


def decode(
    entity: Entity, joined: Joined, observed_at: datetime, unreadable: Counter[str]
) -> Fact | None:
    """The fact in a root object and its children, as they were at `observed_at`.

    An odd value costs no more than itself: its field is counted in `unreadable`. None where too
    little is left. Raises AnswerUnreadableError for what is no JSON.
    """
    kind = KINDS.get(entity)
    text = b"\n".join((joined.root, *joined.children))
    if not has_nul(text):
        try:
            fact = _core(text) if kind is None else _records(kind, joined)
            check_fact(fact)
        except (*UNREADABLE, UnicodeDecodeError):
            pass
        else:
            return fact
    try:
        root, *children = map(read_leniently, (joined.root, *joined.children))
    except msgspec.DecodeError as error:
        raise AnswerUnreadableError("A line of Shopify's export cannot be read.") from error
    return salvage_fact(kind, root, children, observed_at, unreadable)


def _core(text: bytes) -> Fact:
    lines = _DECODER.decode_lines(text)
    return fact_of(lines[0], lines[1:])


def _records(kind: Kind, joined: Joined) -> Records:
    node = msgspec.json.decode(joined.root, type=kind.node)
    below = kind.children
    children = (
        [msgspec.json.decode(line, type=below.node) for line in joined.children]
        if below and below.node
        else ()
    )
    return Records(entity=kind.name, rows=tuple(kind.rows(node, children)))


def salvage_fact(
    kind: Kind | None,
    node: Any,
    children: Sequence[Any],
    observed_at: datetime,
    unreadable: Counter[str],
) -> Fact | None:
    """What is left of an object, with those of its children that can be read.

    Rows of an owner are then not known to be all it has. None where nothing is left.
    """
    below = kind.children.node if kind and kind.children else None
    shape, child_shape = (kind.node, below) if kind else (nodes.Line, nodes.Line)
    lost: set[str] = set()
    try:
        root = _salvaged(node, shape, "", observed_at, lost)
        kept = []
        for child in children if child_shape else ():
            with suppress(SalvageError):
                kept.append(_salvaged(child, child_shape, "children[].", observed_at, lost))
        fact: Fact = (
            fact_of(root, kept)
            if kind is None
            else Records(entity=kind.name, rows=tuple(kind.rows(root, kept)))
        )
    except (SalvageError, *UNREADABLE, AnswerUnreadableError):
        unreadable.update(lost or (WHOLE,))
        return None
    unreadable.update(lost)
    return fact


def _salvaged(tree: Any, shape: Any, prefix: str, observed_at: datetime, lost: set[str]) -> Any:
    try:
        left = salvage(tree, shape, observed_at)
    except SalvageError as error:
        lost.add(prefix + error.place.removeprefix("$."))
        raise
    lost |= {prefix + name for name in left.unreadable}
    return msgspec.convert(left.value, shape)


def fact_of(root: nodes.Line, children: Sequence[nodes.Line]) -> Fact:
    """The fact in an object and its children. Raises InvalidInputError, AnswerUnreadableError."""
    match root:
        case nodes.OrderLine():
            return _order(root, [child for child in children if type(child) is nodes.LineItemLine])
        case nodes.CustomerLine():
            return _customer(root)
        case nodes.ProductLine():
            return _product(root, [each for each in children if type(each) is nodes.VariantLine])
        case _:
            raise AnswerUnreadableError("A line of Shopify's export has no place in it.")


def _customer(line: nodes.CustomerLine) -> Customer:
    address = line.default_email_address
    return Customer(
        id=shopify_id(line.id),
        email=None if address is None else address.email_address,
        first_name=line.first_name,
        last_name=line.last_name,
        created_at=line.created_at,
        updated_at=line.updated_at,
    )


def _order(line: nodes.OrderLine, items: Sequence[nodes.LineItemLine]) -> Order:
    number = _number(line.id, _ORDER)
    presented = line.total_price_set.presentment_money
    return Order(
        id=number,
        name=line.name,
        customer_id=_referred(line.customer, _CUSTOMER),
        customer=None,
        processed_at=line.processed_at or line.created_at,
        currency=line.currency_code,
        presentment_currency=line.presentment_currency_code,
        total=line.total_price_set.shop_money.amount,
        current_total=_optional_amount(line.current_total_price_set),
        presentment_total=presented.amount if presented else None,
        subtotal=_amount(line.subtotal_price_set),
        discounts=_amount(line.total_discounts_set),
        taxes=_amount(line.total_tax_set),
        shipping=_amount(line.total_shipping_price_set),
        financial_status=_lower(line.display_financial_status),
        fulfillment_status=_fulfillment(line.display_fulfillment_status),
        test=bool(line.test),
        cancelled_at=line.cancelled_at,
        created_at=line.created_at,
        updated_at=line.updated_at,
        lines=tuple([_order_line(item) for item in items]),
        refunds=tuple([_refund(number, refund) for refund in line.refunds]),
    )


def _order_line(item: nodes.LineItemLine) -> OrderLine:
    allocated = item.discount_allocations
    return OrderLine(
        id=_number(item.id, _LINE_ITEM),
        product_id=_referred(item.product, _PRODUCT),
        variant_id=_referred(item.variant, _VARIANT),
        title=item.title or "",
        sku=item.sku,
        quantity=item.quantity,
        current_quantity=(
            item.quantity if item.current_quantity is None else item.current_quantity
        ),
        total=item.original_total_set.shop_money.amount,
        discounts=sum([each.allocated_amount_set.shop_money.amount for each in allocated], ZERO)
        if allocated
        else ZERO,
    )


def _refund(order_id: int, refund: nodes.RefundItem) -> Refund:
    return Refund(
        id=shopify_id(refund.id),
        order_id=order_id,
        created_at=refund.created_at or refund.processed_at,
        amount=_optional_amount(refund.total_refunded_set),
    )


def _product(line: nodes.ProductLine, variants: Sequence[nodes.VariantLine]) -> Product:
    return Product(
        id=shopify_id(line.id),
        title=line.title,
        handle=line.handle,
        vendor=line.vendor,
        status=_lower(line.status),
        price=min((each.price for each in variants if each.price is not None), default=None),
        created_at=line.created_at,
        updated_at=line.updated_at,
    )


def _number(global_id: str, kind: str) -> int:
    # A backfill reads millions of these: the usual form first, without taking it apart.
    try:
        number = int(global_id.removeprefix(kind))
    except ValueError:
        return shopify_id(global_id)
    return number if 0 < number <= MAX_SHOPIFY_ID else shopify_id(global_id)


def _referred(reference: nodes.Reference | None, kind: str) -> int | None:
    return None if reference is None else _number(reference.id, kind)


def _amount(money: nodes.ShopMoney | None) -> Decimal:
    return ZERO if money is None else money.shop_money.amount


def _optional_amount(money: nodes.ShopMoney | None) -> Decimal | None:
    return None if money is None else money.shop_money.amount


def _lower(word: str | None) -> str | None:
    return None if word is None else word.lower()


def _fulfillment(word: str | None) -> str | None:
    return _FULFILLMENT_WORDS[word] if word in _FULFILLMENT_WORDS else _lower(word)
