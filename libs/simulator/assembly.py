"""Order lines, in any order, become a shop's orders, customers and products.

Of one order the earliest time and the first customer named count; of one product the first
title and price. An order's total is the sum of its lines, rounded to two places once.
"""

from decimal import Decimal
from typing import NamedTuple

from libs.simulator.model import (
    ZERO,
    Collection,
    Customer,
    Line,
    Order,
    Product,
    ShopContents,
    Variant,
    slug,
)
from libs.simulator.money import rounded
from libs.simulator.numbers import Numbering, stable_number

_FIRST_ORDER_NUMBER = 1001
_ON_HOME_PAGE = 12
_WITHOUT_EMAIL = 10
"""One customer in this many has no e-mail address, as in a real shop."""


class Row(NamedTuple):
    order: str
    seconds: int
    customer: str
    product: str
    title: str
    quantity: int
    price: Decimal
    total: Decimal


class _Draft:
    __slots__ = ("customer", "lines", "number", "seconds", "text")

    def __init__(self, number: int, row: Row) -> None:
        self.number = number
        self.text = row.order
        self.seconds = row.seconds
        self.customer = row.customer
        self.lines: list[Line] = []


class Assembly:
    def __init__(self) -> None:
        self.later_times = 0
        self.other_customers = 0
        self._order_numbers = Numbering("Order")
        self._customer_numbers = Numbering("Customer")
        self._product_numbers = Numbering("Product")
        self._drafts: dict[str, _Draft] = {}
        self._products: dict[str, tuple[Row, int]] = {}
        self._amounts: dict[Decimal, Decimal] = {}
        self._texts: dict[str, str] = {}

    def add(self, row: Row) -> None:
        draft = self._drafts.get(row.order)
        if draft is None:
            draft = _Draft(self._order_numbers.of(row.order), row)
            self._drafts[row.order] = draft
        else:
            self._agree(draft, row)
        draft.lines.append(self._line(draft, row))

    def _agree(self, draft: _Draft, row: Row) -> None:
        if row.seconds != draft.seconds:
            self.later_times += 1
            draft.seconds = min(draft.seconds, row.seconds)
        if row.customer and row.customer != draft.customer:
            if draft.customer:
                self.other_customers += 1
            else:
                draft.customer = row.customer

    def _line(self, draft: _Draft, row: Row) -> Line:
        title = self._texts.setdefault(row.title, row.title) or row.product or "Item"
        return Line(
            id=stable_number("LineItem", f"{draft.text}#{len(draft.lines)}"),
            product_id=self._product(row),
            title=title,
            sku=self._texts.setdefault(row.product, row.product),
            quantity=row.quantity,
            price=self._amounts.setdefault(row.price, row.price),
            total=self._amounts.setdefault(row.total, row.total),
            variant_id=stable_number("ProductVariant", row.product) if row.product else None,
        )

    def _product(self, row: Row) -> int | None:
        if not row.product:
            return None
        number = self._product_numbers.of(row.product)
        known = self._products.get(row.product)
        if known is None:
            self._products[row.product] = (row, row.seconds)
        elif row.seconds < known[1]:
            self._products[row.product] = (known[0], row.seconds)
        return number

    def finish(self) -> ShopContents:
        drafts = sorted(self._drafts.values(), key=lambda draft: (draft.seconds, draft.number))
        products = [self._described(row, first) for row, first in self._products.values()]
        return ShopContents(
            orders={draft.number: self._order(draft, place) for place, draft in enumerate(drafts)},
            customers=self._customers(drafts),
            products={product.id: product for product in products},
            collections=(_home_page(products),) if products else (),
            last_order_number=_FIRST_ORDER_NUMBER + len(drafts) - 1,
            began=drafts[0].seconds if drafts else None,
        )

    def _order(self, draft: _Draft, place: int) -> Order:
        return Order(
            id=draft.number,
            number=_FIRST_ORDER_NUMBER + place,
            name=draft.text if draft.text.startswith("#") else f"#{draft.text}",
            customer_id=self._customer_numbers.of(draft.customer) if draft.customer else None,
            created_at=draft.seconds,
            processed_at=draft.seconds,
            updated_at=draft.seconds,
            total=rounded(sum((line.total for line in draft.lines), ZERO)),
            lines=tuple(draft.lines),
        )

    def _customers(self, drafts: list[_Draft]) -> dict[int, Customer]:
        """`drafts` in order of time: a customer is as old as the first order."""
        spans: dict[str, tuple[int, int]] = {}
        for draft in drafts:
            if draft.customer:
                first, _ = spans.get(draft.customer, (draft.seconds, 0))
                spans[draft.customer] = (first, draft.seconds)
        customers = (
            _customer(self._customer_numbers.of(text), text, first, last)
            for text, (first, last) in spans.items()
        )
        return {customer.id: customer for customer in customers}

    def _described(self, row: Row, first: int) -> Product:
        number = self._product_numbers.of(row.product)
        variant = Variant(
            id=stable_number("ProductVariant", row.product),
            product_id=number,
            sku=row.product,
            price=row.price,
            created_at=first,
            updated_at=first,
        )
        return Product(
            id=number,
            title=row.title or row.product,
            variants=(variant,),
            created_at=first,
            updated_at=first,
        )


def _home_page(products: list[Product]) -> Collection:
    """The collection every shop begins with."""
    shown = tuple(product.id for product in products[:_ON_HOME_PAGE])
    began = min(product.created_at for product in products)
    return Collection(stable_number("Collection", "frontpage"), "Home page", shown, began, began)


def _customer(number: int, text: str, first: int, last: int) -> Customer:
    local_part = slug(text)
    has_email = local_part and number % _WITHOUT_EMAIL
    return Customer(
        id=number,
        first_name="Customer",
        last_name=text,
        email=f"customer-{local_part}@example.com" if has_email else None,
        created_at=first,
        updated_at=last,
    )
