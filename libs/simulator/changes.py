"""What merchants and buyers do: each action changes the shop and announces it by webhook."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from libs.common.errors import InvalidInputError, NotFoundError
from libs.simulator import requests
from libs.simulator.model import ZERO, Customer, Line, Order, Presentment, Product, Variant
from libs.simulator.money import rounded
from libs.simulator.order_parts import transactions_of
from libs.simulator.order_payloads import order_body, transaction_body
from libs.simulator.payloads import (
    customer_body,
    customer_delete_body,
    shop_body,
)
from libs.simulator.shops import Entity, Shop
from libs.simulator.times import now_seconds, seconds_from_iso
from libs.simulator.webhooks import UNINSTALLED, Announcement, WebhookSender

_Entity = TypeVar("_Entity", bound=Entity)


def given_number(value: int | str) -> int:
    """A Shopify id as a number, as text, or as a global id."""
    digits = str(value).rpartition("/")[2]
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidInputError(f"{value!r} is not an id")
    return int(digits)


def found(entities: Mapping[int, _Entity], value: int | str, kind: str) -> _Entity:
    entity = entities.get(given_number(value))
    if entity is None:
        raise NotFoundError(f"there is no {kind} {value}")
    return entity


class Changes:
    """The actions on one shop. Bad input raises before anything changed."""

    def __init__(self, shop: Shop, sender: WebhookSender) -> None:
        self.shop = shop
        self._sender = sender

    def announce(self, *announcements: Announcement) -> None:
        self._sender.announce(self.shop, list(announcements))

    def create_order(self, wanted: requests.NewOrder) -> Order:
        shop, now = self.shop, now_seconds()
        lines, total = self._lines(wanted.lines, wanted.discount)
        processed = self._moment(wanted.processed_at) if wanted.processed_at else now
        customer, announcements = self._buyer(wanted, now)
        number = shop.next_order_number()
        order = Order(
            id=shop.numbers.next(),
            number=number,
            name=f"#{number}",
            customer_id=customer.id if customer else None,
            created_at=now,
            processed_at=processed,
            updated_at=now,
            total=total,
            lines=lines,
            discount=rounded(wanted.discount),
        )
        if wanted.test:
            order = msgspec.structs.replace(order, test=True)
        if customer:
            shop.put(customer)
        shop.put(order)
        body = partial(order_body, shop, order)
        announcements += [("orders/create", body), ("orders/paid", body)]
        self.announce(*announcements, *payments(shop, order))
        return order

    def _buyer(
        self, wanted: requests.NewOrder, now: int
    ) -> tuple[Customer | None, list[Announcement]]:
        shop = self.shop
        if wanted.customer is not None:
            customer = self._new_customer(wanted.customer, now)
            topic = "customers/create"
        elif wanted.customer_id is not None:
            known = _referred(shop.customers, wanted.customer_id, "customer")
            customer = msgspec.structs.replace(known, updated_at=now)
            topic = "customers/update"
        else:
            return None, []
        return customer, [(topic, partial(customer_body, shop, customer))]

    def change_order(self, order_id: str, wanted: requests.OrderChange) -> Order:
        shop = self.shop
        before = found(shop.orders, order_id, "order")
        after = msgspec.structs.replace(before, updated_at=now_seconds())
        discount = before.discount if wanted.discount is UNSET else wanted.discount
        if wanted.lines is not UNSET:
            lines, total = self._lines(wanted.lines, discount, before.presentment)
        elif wanted.discount is not UNSET:
            lines, total = discounted(before.lines, discount)
        else:
            lines, total = before.lines, before.total
        after = msgspec.structs.replace(
            after,
            lines=lines,
            total=total,
            discount=rounded(discount),
            original_total=before.original_total or before.total,
            test=before.test if wanted.test is UNSET else wanted.test,
            processed_at=before.processed_at
            if wanted.processed_at is UNSET
            else self._moment(wanted.processed_at),
            customer_id=before.customer_id
            if wanted.customer_id is UNSET
            else self._customer_number(wanted.customer_id),
        )
        shop.put(after)
        self.announce(("orders/updated", partial(order_body, shop, after)))
        return after

    def cancel_order(self, order_id: str, wanted: requests.Cancellation) -> Order:
        shop, now = self.shop, now_seconds()
        before = found(shop.orders, order_id, "order")
        if before.cancelled_at is not None:
            raise InvalidInputError(f"order {order_id} is cancelled already")
        after = msgspec.structs.replace(
            before, updated_at=now, cancelled_at=now, cancel_reason=wanted.reason
        )
        shop.put(after)
        body = partial(order_body, shop, after)
        self.announce(("orders/cancelled", body), ("orders/updated", body))
        return after

    def delete_order(self, order_id: str) -> None:
        order = found(self.shop.orders, order_id, "order")
        self.shop.remove(order)
        self.announce(("orders/delete", lambda: {"id": order.id}))

    def create_customer(self, wanted: requests.NewCustomer) -> Customer:
        shop = self.shop
        customer = self._new_customer(wanted, now_seconds())
        shop.put(customer)
        self.announce(("customers/create", partial(customer_body, shop, customer)))
        return customer

    def change_customer(self, customer_id: str, wanted: requests.CustomerChange) -> Customer:
        shop = self.shop
        customer = _changed(found(shop.customers, customer_id, "customer"), wanted)
        shop.put(customer)
        self.announce(("customers/update", partial(customer_body, shop, customer)))
        return customer

    def delete_customer(self, customer_id: str) -> None:
        """The orders stay, without a customer."""
        customer = found(self.shop.customers, customer_id, "customer")
        self.shop.remove(customer)
        self.announce(("customers/delete", partial(customer_delete_body, customer)))

    def change_shop(self, wanted: requests.ShopChange) -> None:
        shop = self.shop
        given = {"name": wanted.name, "plan": wanted.plan, "zone": wanted.zone}
        shop.change_facts(**{name: value for name, value in given.items() if value is not UNSET})
        self.announce(("shop/update", partial(shop_body, shop)))

    def uninstall(self) -> None:
        """Tokens are dead before app/uninstalled is sent; subscriptions go after it."""
        shop = self.shop
        shop.tokens.revoke_all()
        self._sender.announce(shop, [(UNINSTALLED, partial(shop_body, shop))], last=True)
        shop.subscriptions.remove_all()

    def _new_customer(self, wanted: requests.NewCustomer, now: int) -> Customer:
        return Customer(
            id=self.shop.numbers.next(),
            created_at=now,
            updated_at=now,
            **msgspec.structs.asdict(wanted),
        )

    def _customer_number(self, value: int | str | None) -> int | None:
        return None if value is None else _referred(self.shop.customers, value, "customer").id

    def _moment(self, text: str) -> int:
        try:
            return seconds_from_iso(text, self.shop.zone)
        except (ValueError, OverflowError) as error:
            raise InvalidInputError(f"processedAt {text!r} is not an ISO 8601 time") from error

    def _lines(
        self,
        wanted: tuple[requests.NewLine, ...],
        discount: Decimal,
        presentment: Presentment | None = None,
    ) -> tuple[tuple[Line, ...], Decimal]:
        return discounted(tuple(self._line(line, presentment) for line in wanted), discount)

    def _line(self, wanted: requests.NewLine, presentment: Presentment | None) -> Line:
        product = variant = None
        if wanted.product_id is not None:
            product = _referred(self.shop.products, wanted.product_id, "product")
            variant = _wanted_variant(product, wanted.variant_id)
        return Line(
            id=self.shop.numbers.next(),
            product_id=product.id if product else None,
            title=wanted.title or (product.title if product else "Custom item"),
            sku=variant.sku if variant else "",
            quantity=wanted.quantity,
            price=wanted.price,
            total=wanted.price * wanted.quantity,
            presentment=presentment,
            variant_id=variant.id if variant else None,
            variant_title=variant.shown_title if variant else None,
        )


def discounted(lines: tuple[Line, ...], discount: Decimal) -> tuple[tuple[Line, ...], Decimal]:
    """The lines with their shares of `discount` (which sum to it), and the order's total."""
    goods = sum((line.total for line in lines), ZERO)
    discount = rounded(discount)
    if discount > rounded(goods):
        raise InvalidInputError("the discount is more than the lines are worth")
    left, shares = discount, []
    for line in lines[:-1]:
        share = min(left, rounded(discount * line.total / goods)) if goods else ZERO
        shares.append(share)
        left -= share
    shares.append(left)
    shared = (
        msgspec.structs.replace(line, discount=share)
        for line, share in zip(lines, shares, strict=True)
    )
    return tuple(shared), rounded(goods) - discount


def payments(shop: Shop, order: Order, *, after: int = 0) -> list[Announcement]:
    """Of the order's transactions but the first `after` ones."""
    return [
        ("order_transactions/create", partial(transaction_body, shop, one))
        for one in transactions_of(order)[after:]
    ]


def _referred(entities: Mapping[int, _Entity], value: int | str, kind: str) -> _Entity:
    """What a body names must exist: not the address is wrong, the body is."""
    entity = entities.get(given_number(value))
    if entity is None:
        raise InvalidInputError(f"there is no {kind} {value}")
    return entity


def _wanted_variant(product: Product, value: int | str | None) -> Variant:
    """The first one when none is named."""
    if value is None:
        return product.variants[0]
    variant = product.variant(given_number(value))
    if variant is None:
        raise InvalidInputError(f"product {product.id} has no variant {value}")
    return variant


def given(wanted: msgspec.Struct) -> dict[str, Any]:
    """What a body says of the fields it may leave out."""
    fields = msgspec.structs.asdict(wanted)
    return {name: value for name, value in fields.items() if not isinstance(value, UnsetType)}


def _changed(entity: _Entity, wanted: msgspec.Struct) -> _Entity:
    return msgspec.structs.replace(entity, updated_at=now_seconds(), **given(wanted))
