"""Folds a batch: of several observations of one object only the newest is written.

What is written equals applying the batch one by one, updates before deletions.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from msgspec.structs import replace

from services.ingestor.facts import (
    Customer,
    Deletion,
    Entity,
    Gone,
    Observation,
    Order,
    Product,
    Records,
    Refund,
)
from services.ingestor.kinds.kind import Kind, Row
from services.ingestor.kinds.registry import KINDS

Key: TypeAlias = tuple[Any, ...]
"""The tenant, then the other columns of the table's key."""

_AHEAD = timedelta(days=1)
"""Of the moment of an observation: by far more than clocks of Shopify's own differ."""

_Entity = TypeVar("_Entity", Customer, Order, Product, Row)


@dataclass(slots=True)
class Newest(Generic[_Entity]):
    """The newest copy of each object of one entity, and when a pull last saw the object."""

    copies: dict[Key, tuple[_Entity, datetime]] = field(default_factory=dict)
    pulled: dict[Key, datetime] = field(default_factory=dict)

    def add(self, key: Key, fact: _Entity, observation: Observation) -> None:
        seen = observation.observed_at
        if fact.updated_at > seen and fact.updated_at > seen + _AHEAD:
            # A change that is still to come would outlive all that comes before it.
            fact = replace(fact, updated_at=seen)
        held = self.copies.get(key)
        if held is None or (fact.updated_at, seen) > (held[0].updated_at, held[1]):
            self.copies[key] = (fact, seen)
        if observation.pulled and (key not in self.pulled or self.pulled[key] < seen):
            self.pulled[key] = seen


class SeenRefund(NamedTuple):
    refund: Refund
    observed_at: datetime
    settles: bool

    def outweighs(self, held: "SeenRefund") -> bool:
        if self.settles and held.settles:
            return self.observed_at > held.observed_at
        told, told_before = self.refund.amount is not None, held.refund.amount is not None
        return (told, self.settles) > (told_before, held.settles)


@dataclass(slots=True)
class KindBatch:
    """Of one further entity: rows, the newest whole list of each owner, and what is gone.

    `bereft` are owners that may be gone themselves, by the column that names them.
    """

    rows: Newest[Row] = field(default_factory=Newest)
    lists: dict[Key, tuple[datetime, frozenset[Key]]] = field(default_factory=dict)
    gone: dict[Key, datetime] = field(default_factory=dict)
    bereft: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))

    def add(self, kind: Kind, records: Records, observation: Observation) -> None:
        tenant_id = observation.tenant_id
        keys = [(tenant_id, *(getattr(row, name) for name in kind.key)) for row in records.rows]
        for key, row in zip(keys, records.rows, strict=True):
            self.rows.add(key, row, observation)
        for owner in kind.owners:
            # They may come after news of their owner's end.
            found = {getattr(row, owner.column) for row in records.rows}
            self.bereft[owner.column] |= {(tenant_id, each) for each in found - {None}}
        if records.owner_id is not None:
            self.add_list((tenant_id, records.owner_id), observation.observed_at, keys)

    def add_list(self, owner: Key, seen: datetime, keys: Iterable[Key]) -> None:
        if owner not in self.lists or self.lists[owner][0] < seen:
            self.lists[owner] = (seen, frozenset(keys))

    def add_gone(self, key: Key, seen: datetime) -> None:
        self.gone[key] = max(seen, self.gone.get(key, seen))


@dataclass(slots=True)
class Batch:
    tenants: set[UUID] = field(default_factory=set)
    customers: Newest[Customer] = field(default_factory=Newest)
    orders: Newest[Order] = field(default_factory=Newest)
    products: Newest[Product] = field(default_factory=Newest)
    refunds: dict[tuple[UUID, int, int], SeenRefund] = field(default_factory=dict)
    deletions: dict[Entity, dict[Key, datetime]] = field(default_factory=lambda: defaultdict(dict))
    kinds: dict[Entity, KindBatch] = field(default_factory=lambda: defaultdict(KindBatch))

    def add_refund(self, refund: Refund, observation: Observation) -> None:
        """The newest of those that tell its payments, else the first that tells the amount."""
        key = (observation.tenant_id, refund.order_id, refund.id)
        settles = observation.pulled or refund.settles
        seen = SeenRefund(refund, observation.observed_at, settles)
        held = self.refunds.get(key)
        if held is None or seen.outweighs(held):
            self.refunds[key] = seen

    def add_deletion(self, deletion: Deletion, observation: Observation) -> None:
        dead = self.deletions[deletion.entity]
        key = (observation.tenant_id, deletion.id)
        if key not in dead or dead[key] < observation.observed_at:
            dead[key] = observation.observed_at
        self._add_owner_gone(deletion.entity, key)

    def add_gone(self, gone: Gone, observation: Observation) -> None:
        key = (observation.tenant_id, *gone.key)
        self.kinds[gone.entity].add_gone(key, observation.observed_at)
        self._add_owner_gone(gone.entity, key)

    def _add_owner_gone(self, entity: Entity, key: Key) -> None:
        for kind in KINDS.values():
            for owner in kind.owners:
                if owner.entity == entity:
                    self.kinds[kind.name].bereft[owner.column].add(key)


def fold(observations: Iterable[Observation]) -> Batch:
    batch = Batch()
    for observation in observations:
        batch.tenants.add(observation.tenant_id)
        fact = observation.fact
        if isinstance(fact, Order):
            batch.orders.add((observation.tenant_id, fact.id), fact, observation)
            for refund in fact.refunds:
                batch.add_refund(refund, observation)
        elif isinstance(fact, Customer):
            batch.customers.add((observation.tenant_id, fact.id), fact, observation)
        elif isinstance(fact, Product):
            batch.products.add((observation.tenant_id, fact.id), fact, observation)
        else:
            _fold_other(batch, fact, observation)
    return batch


def _fold_other(
    batch: Batch, fact: Refund | Records | Gone | Deletion, observation: Observation
) -> None:
    match fact:
        case Records():
            batch.kinds[fact.entity].add(KINDS[fact.entity], fact, observation)
        case Gone():
            batch.add_gone(fact, observation)
        case Refund():
            batch.add_refund(fact, observation)
        case Deletion():
            batch.add_deletion(fact, observation)
