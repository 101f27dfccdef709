"""The orders and customers of a generated shop, each a pure function of the seed and its place.

Chance is a hash (splitmix64) of seed and place, so any order is made alone, in any order, and
always the same. Sums are in whole cents.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

import msgspec

from libs.simulator import assortment
from libs.simulator.model import (
    ZERO,
    Customer,
    GeneratedShop,
    Line,
    Order,
    Pick,
    Presentment,
    Product,
    Refund,
    RefundLine,
    Sale,
    Variant,
)
from libs.simulator.money import CENT
from libs.simulator.rhythm import Rhythm

ORDERS_BASE = 2_400_000_000_000_000_000
CUSTOMERS_BASE = 2_330_000_000_000_000_000
_LINES_BASE = 2_500_000_000_000_000_000
_REFUNDS_BASE = 2_600_000_000_000_000_000
_REFUND_LINES_BASE = 2_700_000_000_000_000_000
_PARTS = 8
"""Room for the lines of one order, and for a refund with its parts."""
FIRST_ORDER_NUMBER = 1001
MOST_LINES = 4
"""Of one order: so many products one hash can choose."""

_64_BITS = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FRACTION = 1 << 53

_NEW_CUSTOMERS_PERCENT = 35
# Of 1024 orders each:
_TESTS = 12
_CANCELLED = 20
_DISCOUNTED = 154
_REFUNDED = 72
_PAID_BACK = 3
"""Of four refunds: the others only take goods back."""
_PRESENTED = 205
_GUESTS = 72
_WITHOUT_EMAIL = 10

_LINE_COUNTS = (1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 4)
_QUANTITIES = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 6)
_DISCOUNT_PERCENTS = (5, 10, 15, 20)
_REASONS = ("customer", "inventory", "fraud", "declined")
_DAY = 86_400
_HOUR = 3_600
_LATEST_REFUND_DAYS = 20
SETTLED_AFTER = (1 + _LATEST_REFUND_DAYS) * _DAY


def mixed(value: int) -> int:
    """splitmix64: 64 bits that look like chance."""
    value = (value + _GOLDEN) & _64_BITS
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _64_BITS
    return value ^ (value >> 31)


@lru_cache(65_536)
def _money(cents: int) -> Decimal:
    return cents * CENT


class Generator:
    def __init__(self, generated: GeneratedShop) -> None:
        self.size = generated.size
        self.customers = max(1, generated.size * _NEW_CUSTOMERS_PERCENT // 100)
        self.rhythm = Rhythm(generated)
        self.products = assortment.products(self.rhythm.begin)
        self._line_counts = (generated.lines,) * 16 if generated.lines else _LINE_COUNTS
        self.anchor = generated.anchor
        self._seed = mixed(generated.seed)
        self._picks = self._table()

    def _table(self) -> list[list[Pick]]:
        """For every roll of 1024 a variant, a few products often, in every quantity."""
        return [
            [_pick(product, variant, quantity) for quantity in _QUANTITIES]
            for product, variant in map(self._sold, range(1024))
        ]

    def _sold(self, roll: int) -> tuple[Product, Variant]:
        product = self.products[roll * roll * len(self.products) >> 20]
        return product, product.variants[roll % len(product.variants)]

    def chance(self, place: int) -> int:
        return mixed(self._seed ^ place)

    def moment(self, place: int) -> int:
        return self.rhythm.moment(place, self.chance(place) >> 52)

    def sale(self, place: int) -> Sale:
        """What is sold to whom: all that a shop's figures are made of."""
        chance = mixed(self._seed ^ place)
        rolls = mixed(chance)
        picks = []
        goods = 0
        for _ in range(self._line_counts[chance >> 48 & 15]):
            pick = self._picks[rolls & 1023][rolls >> 10 & 15]
            picks.append(pick)
            goods += pick[6]
            rolls >>= 14
        discount = 0
        if (chance >> 10 & 1023) < _DISCOUNTED:
            discount = goods * _DISCOUNT_PERCENTS[chance & 3] // 100
        return (
            (chance & 1023) < _TESTS,
            self.rhythm.moment(place, chance >> 52),
            self._buyer(place, chance),
            picks,
            goods,
            discount,
            chance,
        )

    def _buyer(self, place: int, chance: int) -> int | None:
        """Every newcomer's first order comes at a fixed place; between them old customers come
        back, the early ones most often, and guests buy."""
        newest = place * self.customers // self.size
        if place == 0 or (place - 1) * self.customers // self.size != newest:
            return CUSTOMERS_BASE + newest
        roll = mixed(chance ^ _GOLDEN)
        if (roll & 1023) < _GUESTS:
            return None
        fraction = (roll >> 11) / _FRACTION
        return CUSTOMERS_BASE + int((newest + 1) * fraction * fraction)

    def order(self, place: int) -> Order:
        test, moment, customer, picks, goods, discount, chance = self.sale(place)
        number = FIRST_ORDER_NUMBER + place
        presentment = None
        if (chance >> 30 & 1023) < _PRESENTED:
            presentment = assortment.PRESENTMENTS[chance % len(assortment.PRESENTMENTS)]
        lines = _lines(place, picks, goods, discount, presentment)
        order = Order(
            ORDERS_BASE + place,
            number,
            f"#{number}",
            customer,
            moment,
            moment,
            moment,
            _money(goods - discount),
            lines,
            _money(discount) if discount else ZERO,
            None,
            None,
            None,
            test,
            (),
            presentment,
        )
        return self._later(order, place, chance) if (chance >> 20 & 1023) < _REFUNDED else order

    def _later(self, order: Order, place: int, chance: int) -> Order:
        """What became of the order: cancelled within a day and paid back, or refunded in a later
        week, whole or one unit of it, or taken back for no money. What would lie behind the anchor
        has not happened."""
        whole, cancelled_at, reason = bool(chance >> 16 & 1), None, None
        paid = (chance >> 40 & 3) < _PAID_BACK
        at = order.created_at + _DAY + (chance >> 24) % (_LATEST_REFUND_DAYS * _DAY)
        if (chance >> 20 & 1023) < _CANCELLED:
            whole, paid, reason = True, True, _REASONS[chance >> 18 & 3]
            at = cancelled_at = order.created_at + 60 + (chance >> 24) % (20 * _HOUR)
        if at >= self.anchor:
            return order
        refund, removed = _refund(order, place, at, whole=whole, paid=paid)
        return Order(
            order.id,
            order.number,
            order.name,
            order.customer_id,
            order.created_at,
            order.processed_at,
            at,
            order.total,
            removed,
            order.discount,
            None,
            cancelled_at,
            reason,
            order.test,
            (refund,),
            order.presentment,
        )

    def customer(self, place: int) -> Customer:
        chance = mixed(self._seed + _GOLDEN ^ place << 20)
        family, script = divmod(place, len(assortment.NAMES))
        first_names, last_names = assortment.NAMES[script]
        created = self.moment(self.first_order_of(place))
        return Customer(
            CUSTOMERS_BASE + place,
            first_names[(chance >> 8) % len(first_names)],
            last_names[family % len(last_names)],
            f"buyer-{place + 1}@example.com" if (chance >> 24) % _WITHOUT_EMAIL else None,
            created,
            created,
        )

    def first_order_of(self, place: int) -> int:
        """The place of the order that customer `place` came with."""
        return -(-place * self.size // self.customers)

    def sales(self) -> Iterator[Sale]:
        return map(self.sale, range(self.size))


def _pick(product: Product, variant: Variant, quantity: int) -> Pick:
    total = variant.price * quantity
    return (
        *(product.id, product.title, variant.sku, quantity, variant.price),
        *(total, int(total * 100), variant.id, variant.shown_title),
    )


def _lines(
    place: int, picks: list[Pick], goods: int, discount: int, presentment: Presentment | None
) -> tuple[Line, ...]:
    """The lines with their shares of the discount, which sum to it."""
    number = _LINES_BASE + place * _PARTS
    lines = []
    left = discount
    last = len(picks) - 1
    for index, pick in enumerate(picks):
        product, title, sku, quantity, price, total, cents, variant, variant_title = pick
        share = ZERO
        if discount:
            part = left if index == last else discount * cents // goods
            left -= part
            share = _money(part)
        lines.append(
            Line(
                number + index,
                product,
                title,
                sku,
                quantity,
                price,
                total,
                share,
                0,
                presentment,
                variant,
                variant_title,
            )
        )
    return tuple(lines)


def _refund(
    order: Order, place: int, at: int, *, whole: bool, paid: bool
) -> tuple[Refund, tuple[Line, ...]]:
    """Of everything, or of one unit of the first line; and the lines without what went back."""
    lines: list[Line] = []
    returned: list[RefundLine] = []
    for index, line in enumerate(order.lines):
        removed = line.quantity if whole else int(index == 0)
        if removed:
            worth = (line.total - line.discount) * removed / line.quantity
            number = _REFUND_LINES_BASE + place * _PARTS + index
            goods = worth.quantize(CENT)
            returned.append(RefundLine(number, line.id, removed, goods, not paid))
        lines.append(msgspec.structs.replace(line, removed=removed) if removed else line)
    amount = sum((item.subtotal for item in returned), ZERO) if paid else ZERO
    note = ("sent back" if whole else "one unit was broken") if paid else "back on the shelf"
    refund = Refund(_REFUNDS_BASE + place * _PARTS, at, amount, note, tuple(returned))
    return refund, tuple(lines)
