"""One batch of deliveries: one transaction, then a hint for each tenant whose data changed."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction
from libs.common.errors import DatabaseUnavailableError, PlatformError
from libs.common.events.contracts import StoreChanged
from libs.common.logs import get_logger
from libs.common.messaging.fates import Failure, Handle
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from libs.common.messaging.topology import HINTS
from services.ingestor import repository
from services.ingestor.deletions.checks import add_checks, is_deletion
from services.ingestor.deliveries.decode import decode_delivery, mapped_topics
from services.ingestor.deliveries.known_fields import MOST_NAMES
from services.ingestor.deliveries.news import NEWS_TOPICS, ask_for_untold, pass_news
from services.ingestor.deliveries.unresolved import with_tenants
from services.ingestor.facts import Observation, Refund
from services.ingestor.privacy.erasure import erased_among
from services.ingestor.privacy.requests import REQUEST_TOPICS, take_request
from services.ingestor.repository import AppliedKey
from services.ingestor.store.apply import apply_observations
from services.ingestor.store.refunds import OrderMissingError
from services.ingestor.store.tenants import (
    Readiness,
    TenantNotReadyError,
    lock_tenants,
    readiness,
)
from services.ingestor.unreadable import count_unreadable

_OLDEST_DAY = timedelta(days=7)
_NEWEST_DAY = timedelta(days=1)

# A tenant that somebody else writes for longer waits on the ladder, and not in everybody's way.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"

log = get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded delivery, and the key under which it is applied once."""

    key: AppliedKey
    topic: str
    observations: Sequence[Observation]
    unknown_fields: frozenset[str]
    unreadable_fields: frozenset[str]


async def handle_deliveries(
    engine: AsyncEngine, records: Sequence[DeliveryRecord], publisher: Publisher
) -> Sequence[Failure[DeliveryRecord]]:
    """Apply each delivery once, however often it comes; drop those of an erased tenant.

    Returns those that cannot be read or are of a shop that nobody knows, and those that must wait:
    for their shop's facts, for a recut, for the order of their refund. All others are applied.
    What is asked about a person is written down after the facts. A deletion is not applied here:
    see `services.ingestor.deletions`.
    """
    records, given, unknown = await with_tenants(engine, records)
    others = REQUEST_TOPICS | NEWS_TOPICS
    facts = [record for record in records if record.type not in others]
    news = [record for record in records if record.type in NEWS_TOPICS]
    known = others | mapped_topics()
    failures = [
        *unknown,
        *await _apply_facts(engine, facts, publisher),
        *await pass_news(engine, news),
        *await _take_requests(engine, [one for one in records if one.type in REQUEST_TOPICS]),
    ]
    await _count_unmapped(engine, [record for record in facts if record.type not in known])
    return [replace(each, given=given.get(id(each.value))) for each in failures]


async def _take_requests(
    engine: AsyncEngine, requests: Sequence[DeliveryRecord]
) -> Sequence[Failure[DeliveryRecord]]:
    failures = []
    for request in requests:
        try:
            await take_request(engine, request)
        except DatabaseUnavailableError:
            raise
        except PlatformError as error:
            failures.append(Failure(request, error))
    return failures


async def _count_unmapped(engine: AsyncEngine, records: Sequence[DeliveryRecord]) -> None:
    """What we have no use for is counted, each delivery once, so that it can be seen."""
    if not records:
        return
    now = utc_now()
    topics = {
        (record.tenant_id, applied_day(record.time, now), record.id): record.type
        for record in records
    }

    tenants = {tenant for tenant, _, _ in topics}

    async def work(tx: Transaction) -> None:
        # Nothing else stops one of an erased tenant: it is applied to no fact.
        erased = await erased_among(tx, tenants)
        fresh = await repository.add_applied(tx, [key for key in topics if key[0] not in erased])
        found = Counter((key[0], topics[key]) for key in fresh)
        await repository.count_unmapped(tx, found, now)

    await in_transaction(engine, work, tenants=tenants)
    log.info("deliveries_unmapped", topics=sorted(set(topics.values())), deliveries=len(topics))


@dataclass(frozen=True, slots=True)
class _Applied:
    """`applied` are the deliveries of tenants that could be written."""

    versions: Mapping[UUID, int]
    applied: Sequence[Delivery]
    readiness: Readiness


class _Batch:
    """Deliveries that are left to apply, and those of whose records it is known why they fail."""

    def __init__(self, records: Sequence[DeliveryRecord], now: datetime) -> None:
        self.deliveries: dict[AppliedKey, Delivery] = {}
        self.failures: list[Failure[DeliveryRecord]] = []
        self._records: dict[AppliedKey, list[DeliveryRecord]] = {}
        for record in records:
            try:
                delivery = _decode(record, now)
            except Exception as error:  # noqa: BLE001 - a body that surprises us costs itself alone
                self.failures.append(Failure(record, error))
                continue
            if delivery is not None:
                self.deliveries.setdefault(delivery.key, delivery)
                self._records.setdefault(delivery.key, []).append(record)

    def set_aside(self, keys: Sequence[AppliedKey], error: Exception) -> None:
        for key in keys:
            del self.deliveries[key]
            self.failures.extend(Failure(record, error) for record in self._records[key])

    def refunds_of(self, orders: Set[tuple[UUID, int]]) -> list[AppliedKey]:
        return [
            key
            for key, delivery in self.deliveries.items()
            if any(
                isinstance(seen.fact, Refund) and (key[0], seen.fact.order_id) in orders
                for seen in delivery.observations
            )
        ]

    def of_tenants(self, tenants: Collection[UUID]) -> list[AppliedKey]:
        return [key for key in self.deliveries if key[0] in tenants]


async def _apply_facts(
    engine: AsyncEngine, records: Sequence[DeliveryRecord], publisher: Publisher
) -> Sequence[Failure[DeliveryRecord]]:
    now = utc_now()
    batch = _Batch(records, now)
    while batch.deliveries:
        try:
            done = await _apply_batch(engine, batch.deliveries, now)
        except TenantNotReadyError:
            # Since it was asked: it is asked again.
            continue
        except OrderMissingError as error:
            batch.set_aside(batch.refunds_of(error.orders), error)
            continue
        for tenant_id, reason in done.readiness.not_ready.items():
            batch.set_aside(batch.of_tenants({tenant_id}), reason)
        if erased := batch.of_tenants(done.readiness.erased):
            log.info("deliveries_of_erased_tenants_dropped", dropped=len(erased))
        await _after(engine, done, publisher)
        break
    return batch.failures


async def _apply_batch(
    engine: AsyncEngine, deliveries: Mapping[AppliedKey, Delivery], now: datetime
) -> _Applied:
    """All those of tenants that can be written; raises for what shows only then."""
    tenants = {tenant for tenant, _, _ in deliveries}

    async def work(tx: Transaction) -> _Applied:
        await tx.exec_driver_sql(_LOCK_TIMEOUT)
        states = await readiness(tx, tenants)
        left_out = states.erased | states.not_ready.keys()
        ready = {key: one for key, one in deliveries.items() if key[0] not in left_out}
        fresh = await repository.add_applied(tx, ready)
        new = [one for key, one in ready.items() if key in fresh]
        versions = await _apply(tx, new)
        # Behind the tenants' locks, so that a batch counts after the other.
        await _count_fields(tx, new, now)
        return _Applied(versions, list(ready.values()), states)

    return await in_transaction(engine, work, tenants=tenants)


async def _after(engine: AsyncEngine, done: _Applied, publisher: Publisher) -> None:
    _tell_unknown_fields(done.applied)
    await ask_for_untold(engine, (each for one in done.applied for each in one.observations))
    await _announce(publisher, done.versions)


async def _apply(tx: Transaction, deliveries: Sequence[Delivery]) -> Mapping[UUID, int]:
    """Returns the new data versions. A deletion changes none yet: Shopify is asked about it."""
    told = [(each.topic, seen) for each in deliveries for seen in each.observations]
    deletions = [(topic, seen) for topic, seen in told if is_deletion(seen)]
    if deletions:
        # All at once, and before anything else: in one order, so that nobody waits in a circle.
        await lock_tenants(tx, {seen.tenant_id for _, seen in told})
    versions = await apply_observations(tx, [seen for _, seen in told if not is_deletion(seen)])
    await add_checks(tx, deletions)
    return versions


async def _count_fields(tx: Transaction, deliveries: Sequence[Delivery], now: datetime) -> None:
    unknown = [(each.key[0], each.topic, each.unknown_fields) for each in deliveries]
    await repository.count_unknown_fields(tx, unknown, now)
    unreadable: defaultdict[tuple[UUID, str], Counter[str]] = defaultdict(Counter)
    for each in deliveries:
        if each.unreadable_fields:
            unreadable[each.key[0], each.topic].update(each.unreadable_fields)
    await count_unreadable(tx, unreadable, now)


def _tell_unknown_fields(deliveries: Iterable[Delivery]) -> None:
    """The names alone: what is in a field may be personal."""
    found = {(each.topic, name) for each in deliveries for name in each.unknown_fields}
    if found:
        fields = [f"{topic} {name}" for topic, name in sorted(found)[:MOST_NAMES]]
        log.info("delivery_fields_unknown", fields=fields, number=len(found))


def delivery_handler(engine: AsyncEngine, publisher: Publisher) -> Handle[DeliveryRecord]:
    """What the consumer of the lane calls with each batch."""

    async def handle(records: Sequence[DeliveryRecord]) -> Sequence[Failure[DeliveryRecord]]:
        return await handle_deliveries(engine, records, publisher)

    return handle


def _decode(record: DeliveryRecord, now: datetime) -> Delivery | None:
    decoded = decode_delivery(record)
    if not decoded.facts:
        return None
    # The header is not signed: a time to come must not outlive what comes after it.
    observed_at = min(record.time, now)
    return Delivery(
        (record.tenant_id, applied_day(record.time, now), record.id),
        record.type,
        [
            Observation(tenant_id=record.tenant_id, fact=fact, observed_at=observed_at)
            for fact in decoded.facts
        ],
        decoded.unknown_fields,
        decoded.unreadable_fields,
    )


def applied_day(triggered_at: datetime, now: datetime) -> date:
    """The day under which a delivery is remembered, within those that have a partition."""
    today = now.astimezone(UTC).date()
    day = triggered_at.astimezone(UTC).date()
    return max(today - _OLDEST_DAY, min(day, today + _NEWEST_DAY))


async def _announce(publisher: Publisher, versions: Mapping[UUID, int]) -> None:
    """Hints may be lost: where the broker takes none, the first says so for all."""
    for told, (tenant_id, version) in enumerate(versions.items()):
        hint = StoreChanged(tenant_id=tenant_id, data_version=version)
        if not await publisher.publish_transient(HINTS, hint.TYPE, hint.to_json()):
            log.info("hints_lost", hints=len(versions) - told)
            return
