"""Folds a batch: of several observations of one object only the newest is written.

What is written equals applying the batch one by one, updates before deletions.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from services.ingestor.facts import (
    Customer,
    Deletion,
    Entity,
    Observation,
    Order,
    Product,
    Refund,
)

Key: TypeAlias = tuple[UUID, int]
_Entity = TypeVar("_Entity", Customer, Order, Product)


@dataclass(slots=True)
class Newest(Generic[_Entity]):
    """The newest copy of each object of one entity, and when a pull last saw the object."""

    copies: dict[Key, tuple[_Entity, datetime]] = field(default_factory=dict)
    pulled: dict[Key, datetime] = field(default_factory=dict)

    def add(self, fact: _Entity, observation: Observation) -> None:
        key = (observation.tenant_id, fact.id)
        seen = observation.observed_at
        held = self.copies.get(key)
        if held is None or (fact.updated_at, seen) > (held[0].updated_at, held[1]):
            self.copies[key] = (fact, seen)
        if observation.pulled and (key not in self.pulled or self.pulled[key] < seen):
            self.pulled[key] = seen


@dataclass(slots=True)
class Batch:
    tenants: set[UUID] = field(default_factory=set)
    customers: Newest[Customer] = field(default_factory=Newest)
    orders: Newest[Order] = field(default_factory=Newest)
    products: Newest[Product] = field(default_factory=Newest)
    refunds: dict[tuple[UUID, int, int], tuple[Refund, datetime]] = field(default_factory=dict)
    deletions: dict[Entity, dict[Key, datetime]] = field(default_factory=lambda: defaultdict(dict))

    def add_refund(self, refund: Refund, observation: Observation) -> None:
        # A refund never changes, so whichever copy came first will do.
        key = (observation.tenant_id, refund.order_id, refund.id)
        self.refunds.setdefault(key, (refund, observation.observed_at))

    def add_deletion(self, deletion: Deletion, observation: Observation) -> None:
        dead = self.deletions[deletion.entity]
        key = (observation.tenant_id, deletion.id)
        if key not in dead or dead[key] < observation.observed_at:
            dead[key] = observation.observed_at


def fold(observations: Iterable[Observation]) -> Batch:
    batch = Batch()
    for observation in observations:
        batch.tenants.add(observation.tenant_id)
        fact = observation.fact
        if isinstance(fact, Order):
            batch.orders.add(fact, observation)
            for refund in fact.refunds:
                batch.add_refund(refund, observation)
        elif isinstance(fact, Customer):
            batch.customers.add(fact, observation)
        elif isinstance(fact, Product):
            batch.products.add(fact, observation)
        elif isinstance(fact, Refund):
            batch.add_refund(fact, observation)
        else:
            batch.add_deletion(fact, observation)
    return batch
