"""One deletion that Shopify is to be asked about, and how it gets into the list."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from libs.common.database.notices import notify
from libs.common.database.transaction import Transaction
from services.ingestor.deletions import repository
from services.ingestor.facts import Deletion, Entity, Fact, Gone, Observation

CHANNEL: Final = "deletion_checks"
REDACT: Final = "customers/redact"


class Request(msgspec.Struct, frozen=True):
    """One `customers/redact`, as it waits."""

    email: str | None
    orders: tuple[int, ...]
    requested_at: datetime


class Key(NamedTuple):
    """`location_id` is 0 but for an inventory level."""

    topic: str
    object_id: int
    location_id: int = 0


def is_deletion(observation: Observation) -> bool:
    return isinstance(observation.fact, Deletion | Gone)


async def add_checks(tx: Transaction, told: Iterable[tuple[str, Observation]]) -> None:
    """Have Shopify asked about deletions, each with the topic that told of it.

    One that waits already is begun again, with the later time. The caller holds the tenants' locks.
    """
    newest: dict[tuple[UUID, Key], tuple[Entity, datetime]] = {}
    for topic, observation in told:
        entity, key = _key(topic, observation.fact)
        held = newest.get((observation.tenant_id, key))
        if held is None or held[1] < observation.observed_at:
            newest[observation.tenant_id, key] = (entity, observation.observed_at)
    if newest:
        rows = [
            repository.NewCheck(tenant_id, *key, *values)
            for (tenant_id, key), values in sorted(newest.items())
        ]
        await _add(tx, rows)


async def add_redaction(
    tx: Transaction, tenant_id: UUID, customer_id: int, request_id: UUID, request: Request
) -> None:
    """Have Shopify asked whether it has forgotten the customer. Safe to repeat."""
    requests: Mapping[str, Any] = {str(request_id): msgspec.to_builtins(request)}
    key = Key(REDACT, customer_id)
    row = repository.NewCheck(tenant_id, *key, "customers", request.requested_at, requests)
    await _add(tx, [row])


async def _add(tx: Transaction, rows: Sequence[repository.NewCheck]) -> None:
    # The turns first, as a worker that settles has them: they are the lock of the checks.
    await repository.make_due(tx, sorted({row.tenant_id for row in rows}))
    await repository.add(tx, rows)
    await notify(tx, CHANNEL, "")


def _key(topic: str, fact: Fact) -> tuple[Entity, Key]:
    match fact:
        case Deletion():
            return fact.entity, Key(topic, fact.id)
        case Gone():
            return fact.entity, Key(topic, *fact.key)
        case _:
            raise TypeError("no deletion")
