"""One batch of deliveries: one transaction, then a hint for each tenant whose data changed."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.events.contracts import StoreChanged
from libs.common.logs import get_logger
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from libs.common.messaging.topology import HINTS
from services.ingestor import repository
from services.ingestor.deletions.checks import add_checks, is_deletion
from services.ingestor.deliveries.decode import decode_delivery, mapped_topics
from services.ingestor.deliveries.known_fields import MOST_NAMES
from services.ingestor.deliveries.news import NEWS_TOPICS, ask_for_untold, pass_news
from services.ingestor.deliveries.unresolved import with_tenants
from services.ingestor.facts import Observation
from services.ingestor.privacy.erasure import erased_among
from services.ingestor.privacy.requests import REQUEST_TOPICS, answer_request
from services.ingestor.repository import AppliedKey
from services.ingestor.store.apply import apply_observations
from services.ingestor.store.recut import refuse_recut
from services.ingestor.store.tenants import ShopFactsMissingError, lock_tenants

_OLDEST_DAY = timedelta(days=7)
_NEWEST_DAY = timedelta(days=1)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded delivery, and the key under which it is applied once."""

    key: AppliedKey
    topic: str
    observations: Sequence[Observation]
    unknown_fields: frozenset[str]


async def handle_deliveries(
    engine: AsyncEngine, records: Sequence[DeliveryRecord], publisher: Publisher
) -> None:
    """Apply each delivery once, however often it comes; drop those of an erased tenant.

    Raises MessageMalformedError for a body that cannot be read, DomainUnknownError for a shop that
    nobody knows, and TenantRecutError; then no fact
    of `records` is applied. What is asked about a person is answered after the facts. A deletion is
    not applied here: see `services.ingestor.deletions`.
    """
    records = await with_tenants(engine, records)
    requests = [record for record in records if record.type in REQUEST_TOPICS]
    news = [record for record in records if record.type in NEWS_TOPICS]
    others = REQUEST_TOPICS | NEWS_TOPICS
    await _apply_facts(
        engine, [record for record in records if record.type not in others], publisher
    )
    await pass_news(engine, news)
    for request in requests:
        await answer_request(engine, request)
    known = others | mapped_topics()
    await _count_unmapped(engine, [record for record in records if record.type not in known])


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


async def _apply_facts(
    engine: AsyncEngine, records: Sequence[DeliveryRecord], publisher: Publisher
) -> None:
    now = utc_now()
    deliveries: dict[AppliedKey, Delivery] = {}
    for record in records:
        if (delivery := _decode(record, now)) is not None:
            deliveries.setdefault(delivery.key, delivery)
    if not deliveries:
        return

    tenants = {tenant for tenant, _, _ in deliveries}

    async def work(tx: Transaction) -> Mapping[UUID, int]:
        await refuse_recut(tx, tenants)
        fresh = await repository.add_applied(tx, deliveries)
        new = [delivery for key, delivery in deliveries.items() if key in fresh]
        versions = await _apply(tx, new)
        # Behind the tenants' locks, so that a batch counts after the other.
        unknown = [(one.key[0], one.topic, one.unknown_fields) for one in new]
        await repository.count_unknown_fields(tx, unknown, now)
        return versions

    try:
        versions = await in_transaction(engine, work, tenants=tenants)
    except ShopFactsMissingError:
        # Only then is it asked who was erased: the usual batch pays nothing for it.
        if not (erased := await _erased(engine, tenants)):
            raise
        left = [record for record in records if record.tenant_id not in erased]
        log.info("deliveries_of_erased_tenants_dropped", dropped=len(records) - len(left))
        await _apply_facts(engine, left, publisher)
    else:
        _tell_unknown_fields(deliveries.values())
        await ask_for_untold(
            engine, (each for one in deliveries.values() for each in one.observations)
        )
        await _announce(publisher, versions)


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


def _tell_unknown_fields(deliveries: Iterable[Delivery]) -> None:
    """The names alone: what is in a field may be personal."""
    found = {(each.topic, name) for each in deliveries for name in each.unknown_fields}
    if found:
        fields = [f"{topic} {name}" for topic, name in sorted(found)[:MOST_NAMES]]
        log.info("delivery_fields_unknown", fields=fields, number=len(found))


async def _erased(engine: AsyncEngine, tenants: Collection[UUID]) -> set[UUID]:
    async with transaction(engine, tenants=tenants) as tx:
        return await erased_among(tx, tenants)


def delivery_handler(
    engine: AsyncEngine, publisher: Publisher
) -> Callable[[Sequence[DeliveryRecord]], Awaitable[None]]:
    """What the consumer of the lane calls with each batch."""

    async def handle(records: Sequence[DeliveryRecord]) -> None:
        await handle_deliveries(engine, records, publisher)

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
    )


def applied_day(triggered_at: datetime, now: datetime) -> date:
    """The day under which a delivery is remembered, within those that have a partition."""
    today = now.astimezone(UTC).date()
    day = triggered_at.astimezone(UTC).date()
    return max(today - _OLDEST_DAY, min(day, today + _NEWEST_DAY))


async def _announce(publisher: Publisher, versions: Mapping[UUID, int]) -> None:
    for tenant_id, version in versions.items():
        hint = StoreChanged(tenant_id=tenant_id, data_version=version)
        if not await publisher.publish_transient(HINTS, hint.TYPE, hint.to_json()):
            log.info("hint_lost", tenant_id=str(tenant_id), data_version=version)
