"""Deliveries that the front door took while PostgreSQL could not tell it whose they are."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import PermanentError
from libs.common.logs import get_logger
from libs.common.messaging.fates import Failure
from libs.common.messaging.records import NO_TENANT, DeliveryRecord
from libs.common.tables.tenancy import erasures, shop_directory
from services.ingestor.privacy.requests import REQUEST_TOPICS

log = get_logger()


class DomainUnknownError(PermanentError):
    """No tenant has the domain that a delivery names."""


async def with_tenants(
    engine: AsyncEngine, records: Sequence[DeliveryRecord]
) -> tuple[list[DeliveryRecord], dict[int, DeliveryRecord], list[Failure[DeliveryRecord]]]:
    """`records`, each with its tenant, without those of erased shops; what each that got one was
    before, by the id of the new object; and those of unknown shops.

    What privacy law asks of a shop that nobody knows is left out: nothing is held of it.
    """
    domains = {record.source for record in records if record.tenant_id == NO_TENANT}
    if not domains:
        return list(records), {}, []
    known, erased = await _look_up(engine, domains)
    resolved: list[DeliveryRecord] = []
    given: dict[int, DeliveryRecord] = {}
    failures: list[Failure[DeliveryRecord]] = []
    for record in records:
        if record.tenant_id != NO_TENANT:
            resolved.append(record)
        elif (tenant_id := known.get(record.source)) is not None:
            resolved.append(replace(record, tenant_id=tenant_id))
            given[id(resolved[-1])] = record
        elif record.source in erased or record.type in REQUEST_TOPICS:
            log.info("delivery_of_no_shop_dropped", delivery_id=record.id, topic=record.type)
        else:
            error = DomainUnknownError("no tenant has this domain", reason="shop_unknown")
            failures.append(Failure(record, error))
    return resolved, given, failures


async def _look_up(engine: AsyncEngine, domains: set[str]) -> tuple[dict[str, UUID], set[str]]:
    """The tenant of each domain that has one; which of the others were a shop's now erased."""
    hashes = {hashlib.sha256(domain.encode()).digest(): domain for domain in domains}
    of_shops = select(shop_directory.c.domain, shop_directory.c.tenant_id).where(
        shop_directory.c.domain.in_(domains)
    )
    of_erased = select(erasures.c.domain_hash).where(erasures.c.domain_hash.in_(hashes))
    async with transaction(engine) as tx:
        known = {row.domain: row.tenant_id for row in await tx.execute(of_shops)}
        erased = {hashes[found] for found in await tx.scalars(of_erased)}
    return known, erased
