"""From a delivery's topic and raw body to the facts. Nothing of a body gets into an error."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeGuard, TypeVar

import msgspec
from msgspec.structs import replace

from libs.common.clock import utc_now
from libs.common.errors import InvalidInputError, MessageMalformedError
from libs.common.messaging.records import DeliveryRecord
from libs.common.money import exact_product, exact_sum
from services.ingestor.deliveries import bodies
from services.ingestor.deliveries.amounts import malformed, money, optional_money
from services.ingestor.deliveries.known_fields import BodyReader, published_fields
from services.ingestor.deliveries.refunds import refund, refund_of
from services.ingestor.facts import (
    Customer,
    Deletion,
    Entity,
    Fact,
    Order,
    OrderLine,
    Product,
    Records,
)
from services.ingestor.json_text import has_nul, plain
from services.ingestor.kinds.kind import Topic, check_fact
from services.ingestor.kinds.registry import KINDS
from services.ingestor.salvage import SalvageError

BODY_OF_ANOTHER_SHOP: Final = "body_of_another_shop"
"""Signed by Shopify, and sent with the name of a shop whose it is not."""

_UNREADABLE: Final = (
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
    InvalidInputError,
    MessageMalformedError,
)
_PLACE: Final = re.compile(r"at `(?P<place>[^`]+)`")

_Body = TypeVar("_Body", bound=bodies.Named)
_Read = TypeVar("_Read")


class Decoded(msgspec.Struct, frozen=True):
    """`unknown_fields` is what to call those fields of the body that nobody has heard of.

    `unreadable_fields` are those whose value was left out, as it could not be read.
    """

    facts: Sequence[Fact] = ()
    unknown_fields: frozenset[str] = frozenset()
    unreadable_fields: frozenset[str] = frozenset()


def decode_delivery(record: DeliveryRecord) -> Decoded:
    """The facts in `record`; none for a topic that carries none for us.

    An odd value costs no more than itself: see `services.ingestor.salvage`. Raises
    MessageMalformedError, whose reason says what is wrong and where, without values.
    """
    if (mapped := _TOPICS.get(record.type)) is None:
        return Decoded()
    if not has_nul(record.body):
        try:
            body, unknown = mapped.reader.read(record.body)
            facts = _facts(mapped, body, record)
            for fact in facts:
                # Mostly there are no rows, and each call counts here.
                if type(fact) is not Records or fact.rows:
                    check_fact(fact)
            return Decoded(facts, unknown)
        except _UNREADABLE:
            # The strict reading, which costs next to nothing, has failed.
            pass
    return _salvaged(mapped, record)


def _salvaged(mapped: "_Mapped", record: DeliveryRecord) -> Decoded:
    left = _decoded(mapped.reader.salvage, record)
    try:
        facts = _facts(mapped, left.body, record)
    except InvalidInputError as error:
        raise malformed(f"wrong_shape: {error.message}") from None
    if not left.whole:
        facts = [replace(each, owner_id=None) if _is_list(each) else each for each in facts]
    return Decoded(facts, left.unknown, left.unreadable)


def _facts(mapped: "_Mapped", body: Any, record: DeliveryRecord) -> list[Fact]:
    _check_shop(body, record)
    return [to_fact(body) for to_fact in mapped.facts]


def _is_list(fact: Fact) -> TypeGuard[Records]:
    return isinstance(fact, Records) and fact.owner_id is not None


def decode_body(decoder: msgspec.json.Decoder[_Body], record: DeliveryRecord) -> _Body:
    """The body of `record`, of the shop that sent it. Raises MessageMalformedError."""

    def read(text: bytes, _now: datetime) -> _Body:
        try:
            return decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return decoder.decode(plain(text))

    body = _decoded(read, record)
    _check_shop(body, record)
    return body


def _decoded(decode: Callable[[bytes, datetime], _Read], record: DeliveryRecord) -> _Read:
    try:
        # The header is not signed: a time to come must not outlive what comes after it.
        return decode(record.body, min(record.time, utc_now()))
    except SalvageError as error:
        raise malformed(f"wrong_shape: {error.place}") from None
    except msgspec.ValidationError as error:
        raise malformed(f"wrong_shape: {_place(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise malformed("not_json") from None


def _check_shop(body: bodies.Named, record: DeliveryRecord) -> None:
    for named in (body.shop_domain, body.myshopify_domain):
        if named is not None and named.lower() != record.source.lower():
            raise malformed(BODY_OF_ANOTHER_SHOP)


def _place(error: msgspec.ValidationError) -> str:
    found = _PLACE.search(str(error))
    return found["place"] if found else "$"


def _customer(body: bodies.CustomerBody) -> Customer:
    return Customer(
        id=body.id,
        email=body.email,
        first_name=body.first_name,
        last_name=body.last_name,
        created_at=body.created_at,
        updated_at=body.updated_at,
    )


def _order(body: bodies.OrderBody) -> Order:
    totals, shipping = body.total_price_set, body.total_shipping_price_set
    presented = totals.presentment_money if totals else None
    return Order(
        id=body.id,
        name=body.name,
        customer_id=body.customer.id if body.customer else None,
        customer=_embedded(body),
        processed_at=body.processed_at or body.created_at,
        currency=body.currency,
        presentment_currency=body.presentment_currency,
        total=money(body.total_price, "total_price"),
        current_total=optional_money(body.current_total_price, "current_total_price"),
        presentment_total=optional_money(
            presented.amount if presented else None, "total_price_set"
        ),
        subtotal=money(body.subtotal_price, "subtotal_price"),
        discounts=money(body.total_discounts, "total_discounts"),
        taxes=money(body.total_tax, "total_tax"),
        shipping=money(
            shipping.shop_money.amount if shipping else None, "total_shipping_price_set"
        ),
        financial_status=body.financial_status,
        fulfillment_status=body.fulfillment_status,
        test=bool(body.test),
        cancelled_at=body.cancelled_at,
        created_at=body.created_at,
        updated_at=body.updated_at,
        lines=_lines(body.line_items),
        refunds=tuple(refund_of(each, body) for each in body.refunds or ()),
    )


def _embedded(order: bodies.OrderBody) -> Customer | None:
    person = order.customer
    if person is None:
        return None
    return Customer(
        id=person.id,
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        created_at=person.created_at,
        updated_at=order.updated_at,
    )


def _lines(items: list[bodies.LineBody]) -> tuple[OrderLine, ...]:
    if len({item.id for item in items}) != len(items):
        raise malformed("wrong_shape: $.line_items")
    return tuple(
        OrderLine(
            id=item.id,
            product_id=item.product_id,
            variant_id=item.variant_id,
            title=item.title or item.name or "",
            sku=item.sku,
            quantity=item.quantity,
            current_quantity=(
                item.quantity if item.current_quantity is None else item.current_quantity
            ),
            total=exact_product(money(item.price, "line_items[...].price"), item.quantity),
            discounts=exact_sum(
                money(each.amount, "line_items[...].discount_allocations")
                for each in item.discount_allocations or ()
            ),
        )
        for item in items
    )


def _product(body: bodies.ProductBody) -> Product:
    prices = [money(each.price, "variants") for each in body.variants if each.price is not None]
    return Product(
        id=body.id,
        title=body.title,
        handle=body.handle,
        vendor=body.vendor,
        status=body.status,
        price=min(prices, default=None),
        created_at=body.created_at,
        updated_at=body.updated_at,
    )


def _deletion(entity: Entity) -> Topic:
    def deleted(body: bodies.DeletionBody) -> Deletion:
        return Deletion(entity=entity, id=body.id)

    return Topic(body=bodies.DeletionBody, fact=deleted)


_CUSTOMER: Final = Topic(body=bodies.CustomerBody, fact=_customer)
_ORDER: Final = Topic(body=bodies.OrderBody, fact=_order)
_PRODUCT: Final = Topic(body=bodies.ProductBody, fact=_product)

_CORE: Final[Mapping[str, Topic]] = {
    "customers/create": _CUSTOMER,
    "customers/update": _CUSTOMER,
    "customers/enable": _CUSTOMER,
    "customers/disable": _CUSTOMER,
    "customers/delete": _deletion("customers"),
    **dict.fromkeys(bodies.ORDER_TOPICS, _ORDER),
    "orders/delete": _deletion("orders"),
    "products/create": _PRODUCT,
    "products/update": _PRODUCT,
    "products/delete": _deletion("products"),
    "refunds/create": Topic(body=bodies.RefundBody, fact=refund),
}


@dataclass(frozen=True, slots=True)
class _Mapped:
    """Who has a fact from a topic, and the reader of all that they read."""

    reader: BodyReader
    facts: Sequence[Callable[[Any], Fact]]


def _all_topics() -> Mapping[str, _Mapped]:
    found: defaultdict[str, list[Topic]] = defaultdict(list)
    for topics in (_CORE, *(kind.topics for kind in KINDS.values())):
        for name, topic in topics.items():
            found[name].append(topic)
    published = published_fields()
    anywhere = frozenset().union(*published.values())
    return {
        name: _Mapped(
            BodyReader([topic.body for topic in topics], published.get(name, ()), anywhere),
            [topic.fact for topic in topics],
        )
        for name, topics in found.items()
    }


_TOPICS: Final = _all_topics()


def mapped_topics() -> frozenset[str]:
    """The topics that carry facts for us."""
    return frozenset(_TOPICS)
