"""Lines of a bulk file into facts. Words for a state are those of deliveries, in lower case."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from libs.common.errors import InvalidInputError
from libs.common.ids import shopify_id
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
from services.ingestor.json_text import without_nul
from services.ingestor.kinds.kind import Kind, checked
from services.ingestor.kinds.registry import KINDS
from services.ingestor.shopify import nodes
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.jsonl import Joined

_DECODER = msgspec.json.Decoder(nodes.Line)

_ORDER: Final = "gid://shopify/Order/"
_CUSTOMER: Final = "gid://shopify/Customer/"
_LINE_ITEM: Final = "gid://shopify/LineItem/"
_PRODUCT: Final = "gid://shopify/Product/"
_VARIANT: Final = "gid://shopify/ProductVariant/"

_FULFILLMENT_WORDS: Final = {"UNFULFILLED": None, "PARTIALLY_FULFILLED": "partial"}
"""Where a delivery's `fulfillment_status` has another word than the API."""


def decode(entity: Entity, joined: Joined) -> Fact:
    """The fact in a root object and its children. Raises AnswerUnreadableError."""
    try:
        if (kind := KINDS.get(entity)) is not None:
            return _records(kind, joined)
        text = without_nul(b"\n".join((joined.root, *joined.children)))
        lines = _DECODER.decode_lines(text)
        return fact_of(lines[0], lines[1:])
    except (msgspec.MsgspecError, InvalidInputError) as error:
        raise AnswerUnreadableError("A line of Shopify's export cannot be read.") from error


def _records(kind: Kind, joined: Joined) -> Records:
    node = msgspec.json.decode(without_nul(joined.root), type=kind.node)
    below = kind.children
    children = (
        [msgspec.json.decode(without_nul(line), type=below.node) for line in joined.children]
        if below and below.node
        else ()
    )
    return Records(entity=kind.name, rows=checked(kind.rows(node, children)))


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
    return Order(
        id=number,
        name=line.name,
        customer_id=_referred(line.customer, _CUSTOMER),
        customer=None,
        processed_at=line.processed_at,
        currency=line.currency_code,
        presentment_currency=line.presentment_currency_code,
        total=line.total_price_set.shop_money.amount,
        current_total=line.current_total_price_set.shop_money.amount,
        presentment_total=line.total_price_set.presentment_money.amount,
        subtotal=_amount(line.subtotal_price_set),
        discounts=_amount(line.total_discounts_set),
        taxes=_amount(line.total_tax_set),
        shipping=line.total_shipping_price_set.shop_money.amount,
        financial_status=_lower(line.display_financial_status),
        fulfillment_status=_fulfillment(line.display_fulfillment_status),
        test=line.test,
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
        title=item.title,
        sku=item.sku,
        quantity=item.quantity,
        current_quantity=item.current_quantity,
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
        amount=refund.total_refunded_set.shop_money.amount,
    )


def _product(line: nodes.ProductLine, variants: Sequence[nodes.VariantLine]) -> Product:
    return Product(
        id=shopify_id(line.id),
        title=line.title,
        handle=line.handle,
        vendor=line.vendor,
        status=_lower(line.status),
        price=min((variant.price for variant in variants), default=None),
        created_at=line.created_at,
        updated_at=line.updated_at,
    )


def _number(global_id: str, kind: str) -> int:
    # A backfill reads millions of these: the usual form first, without taking it apart.
    try:
        return int(global_id.removeprefix(kind))
    except ValueError:
        return shopify_id(global_id)


def _referred(reference: nodes.Reference | None, kind: str) -> int | None:
    return None if reference is None else _number(reference.id, kind)


def _amount(money: nodes.ShopMoney | None) -> Decimal:
    return ZERO if money is None else money.shop_money.amount


def _lower(word: str | None) -> str | None:
    return None if word is None else word.lower()


def _fulfillment(word: str | None) -> str | None:
    return _FULFILLMENT_WORDS[word] if word in _FULFILLMENT_WORDS else _lower(word)
