"""A shop: what its file held, and every change since. All changes pass through `put`/`remove`."""

from collections.abc import Mapping
from itertools import islice
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from libs.simulator.approver import Approver
from libs.simulator.faults import Faults
from libs.simulator.generated import Generated
from libs.simulator.journal import Journal, Record
from libs.simulator.model import Collection, Customer, Order, Product, ShopContents, ShopFacts
from libs.simulator.numbers import PARTS_OF_A_REFUND, Sequence
from libs.simulator.operations import Operations
from libs.simulator.subscriptions import Subscriptions
from libs.simulator.throttle import Buckets
from libs.simulator.times import now_seconds
from libs.simulator.tokens import TOKEN_KINDS, Tokens
from libs.simulator.totals import Totals

Entity = Order | Customer | Product | Collection

_MOST_SAMPLES = 80
_SAMPLED = 10

_KINDS: Mapping[str, type[Entity]] = {
    "order": Order,
    "customer": Customer,
    "product": Product,
    "collection": Collection,
}
_KIND_OF: Mapping[type[Entity], str] = {entity: kind for kind, entity in _KINDS.items()}


def _samples(orders: Mapping[int, Order]) -> tuple[Order, ...]:
    """One in ten of the first orders, from the whole of time, and never many."""
    count = min(_MOST_SAMPLES, max(2, len(orders) // _SAMPLED))
    step = max(1, len(orders) // count)
    if isinstance(orders, Generated):
        return tuple(map(orders.make, range(0, orders.size, step)[:count]))
    return tuple(islice(orders.values(), 0, count * step, step))


class Shop:
    def __init__(
        self, facts: ShopFacts, contents: ShopContents, journal: Journal, numbers: Sequence
    ) -> None:
        self._totals: Totals | None = None
        self._set_facts(facts)
        self.orders = contents.orders
        self.customers = contents.customers
        self.products = contents.products
        self.collections = {collection.id: collection for collection in contents.collections}
        self.samples = _samples(contents.orders)
        self.variants = {
            variant.id: variant
            for product in contents.products.values()
            for variant in product.variants
        }
        self.numbers = numbers
        self._sales = contents.sales
        self.set_faults(Faults())
        self.approver = Approver()
        self.buckets = Buckets()
        self.tokens = Tokens(self.write)
        self.subscriptions = Subscriptions(self.write)
        self.operations = Operations(self.write)
        self.revisions = dict.fromkeys(_KINDS, 0)
        self.uninstalled_at: float | None = None
        self._journal = journal
        self._next_order_number = contents.last_order_number + 1

    @property
    def domain(self) -> str:
        return self.facts.domain

    @property
    def totals(self) -> Totals:
        """Counted at the first question, kept by every change after it."""
        if self._totals is None:
            self._totals = self._counted()
        return self._totals

    def _counted(self) -> Totals:
        totals = Totals(self.zone)
        if self._sales is None or not isinstance(self.orders, Generated):
            for order in self.orders.values():
                totals.count(order)
            return totals
        totals.count_sales(self._sales())
        for made, now in self.orders.changes():
            if made is not None:
                totals.discount(made)
            if now is not None:
                totals.count(now)
        return totals

    def next_order_number(self) -> int:
        number = self._next_order_number
        self._next_order_number += 1
        return number

    def set_faults(self, faults: Faults) -> None:
        self.faults = faults
        self.dice = Random(faults.seed)  # noqa: S311

    def put(self, entity: Entity) -> None:
        self._set(entity)
        self.write(_KIND_OF[type(entity)], entity.id, entity)

    def remove(self, entity: Entity) -> None:
        kind = _KIND_OF[type(entity)]
        self._unset(kind, entity.id)
        self.write(kind, entity.id, None)

    def change_facts(self, **changes: str) -> None:
        self._set_facts(msgspec.structs.replace(self.facts, updated_at=now_seconds(), **changes))
        if "zone" in changes:
            # Days are cut in it.
            self._totals = None
        self.write("facts", "", self.facts)

    def _set_facts(self, facts: ShopFacts) -> None:
        self.facts = facts
        self.zone = ZoneInfo(facts.zone)

    def note_uninstall(self, moment: float | None) -> None:
        """When the app was uninstalled; None once shop/redact no longer waits for its time."""
        self.uninstalled_at = moment
        self.write("uninstalled", "", moment)

    def write(self, kind: str, key: int | str, value: object) -> None:
        """Keep `value` (None: gone) over restarts."""
        self._journal.write(self.domain, kind, key, value)

    def replay(self, record: Record) -> None:
        if record.kind == "facts":
            self._set_facts(msgspec.convert(record.value, ShopFacts))
        elif record.kind == "uninstalled":
            self.uninstalled_at = record.value
        elif record.kind in TOKEN_KINDS:
            self.tokens.replay(record.kind, record.key, record.value)
        else:
            self._replay_numbered(record, int(record.key))

    def _replay_numbered(self, record: Record, number: int) -> None:
        self.numbers.passed(number)
        if record.kind == "subscription":
            self.subscriptions.replay(number, record.value)
        elif record.kind == "operation":
            self.operations.replay(number, record.value)
        elif record.value is None:
            self._unset(record.kind, number)
        else:
            self._set(msgspec.convert(record.value, _KINDS[record.kind], strict=False))

    def _set(self, entity: Entity) -> None:
        if isinstance(entity, Order):
            if self._totals is not None:
                if (before := self.orders.get(entity.id)) is not None:
                    self._totals.discount(before)
                self._totals.count(entity)
            self.orders[entity.id] = entity
            self._next_order_number = max(self._next_order_number, entity.number + 1)
            self._pass_parts(entity)
        elif isinstance(entity, Customer):
            self.customers[entity.id] = entity
        elif isinstance(entity, Collection):
            self.collections[entity.id] = entity
        else:
            self._forget_variants(entity.id)
            self.products[entity.id] = entity
            for variant in entity.variants:
                self.variants[variant.id] = variant
                self.numbers.passed(variant.id)
        self.revisions[_KIND_OF[type(entity)]] += 1

    def _forget_variants(self, product_id: int) -> None:
        before = self.products.get(product_id)
        for variant in before.variants if before else ():
            del self.variants[variant.id]

    def _pass_parts(self, order: Order) -> None:
        for line in order.lines:
            self.numbers.passed(line.id)
        for refund in order.refunds:
            self.numbers.passed(refund.id + PARTS_OF_A_REFUND)
            for refund_line in refund.lines:
                self.numbers.passed(refund_line.id)

    def _unset(self, kind: str, number: int) -> None:
        if kind == "order":
            before = self.orders.pop(number, None)
            if self._totals is not None and before is not None:
                self._totals.discount(before)
        elif kind == "customer":
            self.customers.pop(number, None)
        elif kind == "collection":
            self.collections.pop(number, None)
        else:
            self._forget_variants(number)
            self.products.pop(number, None)
        self.revisions[kind] += 1
