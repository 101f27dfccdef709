"""Writes what became of the checks of one turn: in one transaction, under the turn's lease."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from services.ingestor.deletions import repository
from services.ingestor.deletions.checks import REDACT, Request
from services.ingestor.deletions.repository import Check, Taken, Turn
from services.ingestor.facts import Deletion, Fact, Gone, Observation
from services.ingestor.kinds.registry import KINDS
from services.ingestor.privacy.people import Person
from services.ingestor.privacy.receipts import Asked, add_refused
from services.ingestor.privacy.requests import redact
from services.ingestor.store.apply import apply_observations
from services.ingestor.store.recut import refuse_recut
from services.ingestor.store.tenants import lock_known_tenants

PAUSES: Final = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
"""Before each further question about an object that Shopify still showed."""

_HELD_PAUSE = timedelta(days=1)


class Settled(NamedTuple):
    """`disproved` counts what was dropped by topic; `held` are the redactions held by this turn."""

    version: int | None
    applied: int
    disproved: Mapping[str, int]
    held: int


async def settle(
    engine: AsyncEngine, turn: Turn, checks: Sequence[Check], gone: Collection[Check]
) -> Settled:
    """Apply those of `checks` that are `gone`, put off or drop the others, and end the turn.

    Safe to repeat. Raises TurnLostError, TenantRecutError and ShopFactsMissingError; then nothing
    is written.
    """
    there = [check for check in checks if check not in gone]
    last = [check for check in there if check.asked >= len(PAUSES)]
    held = [check for check in last if check.topic == REDACT]
    tenant_id = turn.tenant_id

    async def work(tx: Transaction) -> Settled:
        await refuse_recut(tx, tenant_id)
        await lock_known_tenants(tx, [tenant_id])
        await repository.hold_turn(tx, turn)
        taken = await repository.take(tx, tenant_id, gone)
        version = await apply_taken(tx, tenant_id, taken)
        for asked, pause in enumerate(PAUSES):
            again = [check for check in there if check.asked == asked]
            await repository.put_off(tx, tenant_id, again, pause, held=False)
        await repository.put_off(tx, tenant_id, held, _HELD_PAUSE, held=True)
        untrue = [check for check in last if check.topic != REDACT]
        dropped = await repository.drop(tx, tenant_id, untrue)
        await repository.end_turn(tx, turn)
        newly = sum(check.asked == len(PAUSES) for check in held)
        return Settled(version, len(taken), Counter(dropped), newly)

    return await in_transaction(engine, work, tenants=[tenant_id])


async def apply_taken(tx: Transaction, tenant_id: UUID, taken: Sequence[Taken]) -> int | None:
    """Returns the tenant's new data version, where its data changed.

    The caller holds the tenant's lock and its turn's row.
    """
    deletions = [
        Observation(tenant_id=tenant_id, fact=_fact(each), observed_at=each.observed_at)
        for each in taken
        if each.requests is None
    ]
    versions = dict(await apply_observations(tx, deletions))
    for each in taken:
        for request_id, person, requested_at in _requests(each):
            versions |= await redact(tx, tenant_id, request_id, person, requested_at)
    return versions.get(tenant_id)


async def refuse_redactions(tx: Transaction, tenant_id: UUID, taken: Taken) -> None:
    """Keep a receipt that says so, by which the same request does not come back."""
    for request_id, person, requested_at in _requests(taken):
        await add_refused(tx, tenant_id, request_id, Asked(REDACT, person, requested_at))


def _requests(taken: Taken) -> Iterator[tuple[UUID, Person, datetime]]:
    for request_id, told in (taken.requests or {}).items():
        request = msgspec.convert(told, Request)
        person = Person(taken.object_id, request.email, frozenset(request.orders))
        yield UUID(request_id), person, request.requested_at


def _fact(taken: Taken) -> Fact:
    if taken.entity not in KINDS:
        return Deletion(entity=taken.entity, id=taken.object_id)
    key = (taken.object_id, taken.location_id) if taken.location_id else (taken.object_id,)
    return Gone(entity=taken.entity, key=key)
