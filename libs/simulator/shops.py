"""A shop: what its file held, and every change since. All changes pass through `put`/`remove`."""

from collections.abc import Mapping
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from libs.simulator.faults import Faults
from libs.simulator.journal import Journal, Record
from libs.simulator.model import Customer, Order, Product, ShopContents, ShopFacts
from libs.simulator.numbers import PARTS_OF_A_REFUND, Sequence
from libs.simulator.operations import Operations
from libs.simulator.subscriptions import Subscriptions
from libs.simulator.throttle import Buckets
from libs.simulator.times import now_seconds
from libs.simulator.tokens import TOKEN_KINDS, Tokens
from libs.simulator.totals import Totals

Entity = Order | Customer | Product

_KINDS: Mapping[str, type[Entity]] = {"order": Order, "customer": Customer, "product": Product}
_KIND_OF: Mapping[type[Entity], str] = {entity: kind for kind, entity in _KINDS.items()}


class Shop:
    def __init__(self, facts: ShopFacts, contents: ShopContents, journal: Journal) -> None:
        self.facts = facts
        self.zone = ZoneInfo(facts.zone)
        self.orders = contents.orders
        self.customers = contents.customers
        self.products = contents.products
        self.numbers = Sequence()
        self.totals = Totals(self.zone)
        self.set_faults(Faults())
        self.buckets = Buckets()
        self.tokens = Tokens(self.write)
        self.subscriptions = Subscriptions(self.write)
        self.operations = Operations(self.write)
        self.revisions = {"order": 0, "customer": 0, "product": 0}
        self._journal = journal
        self._next_order_number = 1 + max((o.number for o in self.orders.values()), default=1000)
        for order in self.orders.values():
            self.totals.count(order)

    @property
    def domain(self) -> str:
        return self.facts.domain

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
        self.facts = msgspec.structs.replace(self.facts, updated_at=now_seconds(), **changes)
        self.write("facts", "", self.facts)

    def write(self, kind: str, key: int | str, value: object) -> None:
        """Keep `value` (None: gone) over restarts."""
        self._journal.write(self.domain, kind, key, value)

    def replay(self, record: Record) -> None:
        if record.kind == "facts":
            self.facts = msgspec.convert(record.value, ShopFacts)
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
            if (before := self.orders.get(entity.id)) is not None:
                self.totals.discount(before)
            self.orders[entity.id] = entity
            self.totals.count(entity)
            self._next_order_number = max(self._next_order_number, entity.number + 1)
            self._pass_parts(entity)
        elif isinstance(entity, Customer):
            self.customers[entity.id] = entity
        else:
            self.products[entity.id] = entity
            self.numbers.passed(entity.variant_id)
        self.revisions[_KIND_OF[type(entity)]] += 1

    def _pass_parts(self, order: Order) -> None:
        for line in order.lines:
            self.numbers.passed(line.id)
        for refund in order.refunds:
            self.numbers.passed(refund.id + PARTS_OF_A_REFUND)
            for refund_line in refund.lines:
                self.numbers.passed(refund_line.id)

    def _unset(self, kind: str, number: int) -> None:
        if kind == "order":
            if (before := self.orders.pop(number, None)) is not None:
                self.totals.discount(before)
        elif kind == "customer":
            self.customers.pop(number, None)
        else:
            self.products.pop(number, None)
        self.revisions[kind] += 1
