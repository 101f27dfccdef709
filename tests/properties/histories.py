"""What may happen to shops, and what must be left of it: lives of objects, told in any order.

An object has one or more copies, each with a version of its own; it may be deleted, and a later
pull may see it again. Whatever the order, the repetitions and the batches, the outcome is known
from the life alone: an oracle that runs none of the product's code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from services.ingestor.facts import (
    ZERO,
    Customer,
    Deletion,
    Entity,
    Fact,
    Observation,
    Order,
    OrderLine,
    Product,
)
from tests.properties.store import ShopKind
from tests.properties.values import CURRENCIES, IDS, START, Chance, exact_sum

_FIRST, _LAST = date(1990, 1, 1), date(2090, 1, 1)
_FIRST_SEEN = START + timedelta(hours=1)
_DELETED_AT = START + timedelta(hours=2)
_SEEN_AGAIN_AT = START + timedelta(hours=3)
_VERSIONS = tuple((updated, observed) for updated in range(4) for observed in range(4))

Make = Callable[[Chance, int, datetime], Any]
"""A copy of the object with that id and that `updated_at`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One sighting of one object of the shop at `shop`."""

    shop: int
    fact: Fact
    observed_at: datetime
    pulled: bool = False

    def observation(self, tenants: Sequence[UUID]) -> Observation:
        return Observation(
            tenant_id=tenants[self.shop],
            fact=self.fact,
            observed_at=self.observed_at,
            pulled=self.pulled,
        )


@dataclass(slots=True)
class Outcome:
    """What must be there in the end of one shop: objects that are not deleted, newest copies.

    A customer that only orders name has no copy of its own: the one inside the orders stands in.
    """

    kind: ShopKind
    orders: dict[int, Order] = field(default_factory=dict)
    customers: dict[int, Customer | None] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)

    @property
    def counted(self) -> list[Order]:
        tests = self.kind.include_test_orders
        return [order for order in self.orders.values() if tests or not order.test]

    @property
    def dated(self) -> list[Order]:
        """Those on a day; the dates of the others are impossible by decades."""
        return [order for order in self.counted if _FIRST <= self.day_of(order) <= _LAST]

    def revenue(self, currency: str) -> Decimal:
        return exact_sum(order.total for order in self.counted if order.currency == currency)

    def spent(self) -> dict[int, list[Decimal]]:
        """What each customer paid in the shop's currency, one amount an order."""
        spent: dict[int, list[Decimal]] = {}
        for order in self.counted:
            if order.customer_id is not None and order.currency == self.kind.currency:
                spent.setdefault(order.customer_id, []).append(order.total)
        return spent

    def day_of(self, order: Order) -> date:
        assert order.processed_at is not None
        return order.processed_at.astimezone(ZoneInfo(self.kind.zone)).date()


@dataclass(frozen=True, slots=True, repr=False)
class History:
    """`seed` and the sizes below it make the same history again; all of it is too long to show."""

    seed: int
    shops: list[Outcome]
    batches: list[list[Seen]]

    def __repr__(self) -> str:
        sizes = [(len(shop.orders), len(shop.customers), len(shop.products)) for shop in self.shops]
        return f"History(seed={self.seed}, left={sizes}, batches={list(map(len, self.batches))})"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        # What Hypothesis asks for; by itself it would show every field.
        printer.text(repr(self))

    @property
    def kinds(self) -> list[ShopKind]:
        return [shop.kind for shop in self.shops]

    def observations(self, tenants: Sequence[UUID]) -> list[list[Observation]]:
        return [[seen.observation(tenants) for seen in batch] for batch in self.batches]


def embedded(number: int | None) -> Customer | None:
    """The copy of a customer that each of their orders carries; some carry none."""
    if number is None or number % 2:
        return None
    return Customer(
        id=number,
        email=f"inside-{number}@example.com",
        first_name="Inside",
        last_name=str(number),
        created_at=None,
        updated_at=START,
    )


def make_customer(chance: Chance, number: int, updated_at: datetime) -> Customer:
    return Customer(
        id=number,
        email=chance.choice((None, f"{chance.randrange(99)}@example.com")),
        first_name=chance.name(),
        last_name=chance.name(),
        created_at=START,
        updated_at=updated_at,
    )


def make_product(chance: Chance, number: int, updated_at: datetime) -> Product:
    return Product(
        id=number,
        title=chance.name() or "Cup",
        handle=None,
        vendor=chance.name(),
        status="active",
        price=chance.choice((None, chance.amount())),
        created_at=START,
        updated_at=updated_at,
    )


def make_order(
    chance: Chance, number: int, updated_at: datetime, customer_id: int | None = None
) -> Order:
    total = chance.amount()
    return Order(
        id=number,
        name=chance.name(),
        customer_id=customer_id,
        customer=embedded(customer_id),
        processed_at=chance.moment(),
        currency=chance.choice(CURRENCIES[:3]),
        presentment_currency=None,
        total=total,
        current_total=None,
        presentment_total=None,
        subtotal=total,
        discounts=ZERO,
        taxes=ZERO,
        shipping=ZERO,
        financial_status="paid",
        fulfillment_status=None,
        test=chance.random() < 0.2,
        cancelled_at=chance.choice((None, START)),
        created_at=START,
        updated_at=updated_at,
        lines=tuple(_line(chance, n) for n in range(1, chance.randint(1, 4))),
    )


def _line(chance: Chance, number: int) -> OrderLine:
    quantity = chance.randrange(9)
    return OrderLine(
        id=number,
        product_id=chance.choice((None, *IDS)),
        variant_id=None,
        title=chance.name() or "",
        sku=None,
        quantity=quantity,
        current_quantity=quantity,
        total=chance.amount(),
        discounts=ZERO,
    )


def _life(
    chance: Chance, shop: int, number: int, entity: Entity, make: Make
) -> tuple[list[Seen], Any]:
    """All sightings of one object, and the copy that must be left: None once it is deleted."""
    told = []
    for updated, observed in chance.sample(_VERSIONS, chance.randint(1, 3)):
        fact = make(chance, number, START + timedelta(minutes=updated))
        seen_at = _FIRST_SEEN + timedelta(seconds=observed)
        told.append(Seen(shop, fact, seen_at, pulled=chance.random() < 0.5))
    left: Any = max(told, key=lambda seen: (seen.fact.updated_at, seen.observed_at)).fact
    fate = chance.random()
    if fate < 0.25:
        told.append(Seen(shop, Deletion(entity=entity, id=number), _DELETED_AT))
        left = None
    if fate < 0.1:
        left = make(chance, number, START + timedelta(minutes=9))
        told.append(Seen(shop, left, _SEEN_AGAIN_AT, pulled=True))
    return told, left


def _orders(chance: Chance, shop: int, most: int, outcome: Outcome) -> list[Seen]:
    told: list[Seen] = []
    for number in chance.some(most):
        owner = chance.choice((None, *IDS))
        seen, left = _life(chance, shop, number, "orders", partial(make_order, customer_id=owner))
        told += seen
        if owner is not None:
            outcome.customers[owner] = embedded(owner)
        if left is not None:
            outcome.orders[number] = left
    return told


def _others(
    chance: Chance, shop: int, most: int, entity: Entity, make: Make, left: dict[int, Any]
) -> list[Seen]:
    told: list[Seen] = []
    for number in chance.some(most):
        seen, newest = _life(chance, shop, number, entity, make)
        told += seen
        left.pop(number, None)
        if newest is not None:
            left[number] = newest
    return told


def _shop(chance: Chance, shop: int, most: int) -> tuple[list[Seen], Outcome]:
    outcome = Outcome(chance.shop())
    told = _orders(chance, shop, most, outcome)
    told += _others(chance, shop, most, "customers", make_customer, outcome.customers)
    told += _others(chance, shop, most // 2, "products", make_product, outcome.products)
    return told, outcome


@st.composite
def histories(draw: st.DrawFn, *, shops: int = 2, most: int = 5) -> History:
    """Up to `shops` shops with up to `most` orders and customers each, told out of order."""
    seed = draw(st.integers(0, 2**32))
    chance = Chance(seed)
    told: list[Seen] = []
    outcomes = []
    for shop in range(draw(st.integers(1, shops))):
        sightings, outcome = _shop(chance, shop, draw(st.integers(0, most)))
        told += sightings
        outcomes.append(outcome)
    told += chance.choices(told, k=3) if told else []
    chance.shuffle(told)
    cuts = [chance.randint(0, len(told)) for _ in range(draw(st.integers(0, 2)))]
    batches = [told[first:last] for first, last in pairwise((0, *sorted(cuts), len(told)))]
    return History(seed, outcomes, [batch for batch in batches if batch])
