"""What Shopify asks about one customer, each request answered once and kept as a receipt.

Source: shopify.dev, "Privacy law compliance".
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction
from libs.common.logs import get_logger
from libs.common.messaging.records import DeliveryRecord
from libs.common.tables.store import privacy_requests
from services.ingestor.deliveries.bodies import DataRequestBody, RedactBody
from services.ingestor.deliveries.decode import decode_body
from services.ingestor.privacy.disclosure import disclose
from services.ingestor.privacy.erasure import erased_among
from services.ingestor.privacy.people import Person
from services.ingestor.privacy.redaction import redact_person
from services.ingestor.store.recut import refuse_recut
from services.ingestor.store.tenants import raise_versions

REQUEST_TOPICS: Final = frozenset({"customers/redact", "customers/data_request"})

FILE_LIFETIME: Final = timedelta(days=30)
"""As long as the law gives the merchant to answer."""

_REQUESTS = UUID("a3d1c2f0-7c0e-4a5e-9a55-0f2f6a4f7b11")
_REDACT: Final = msgspec.json.Decoder(RedactBody)
_DATA_REQUEST: Final = msgspec.json.Decoder(DataRequestBody)

log = get_logger()


async def answer_request(engine: AsyncEngine, record: DeliveryRecord) -> Mapping[UUID, int]:
    """Returns the tenant's new data version when its data changed.

    A repeated request changes nothing, nor does one about an erased tenant. Raises
    MessageMalformedError and TenantRecutError.
    """
    person = _person(record)
    request_id = uuid5(_REQUESTS, record.id)

    async def work(tx: Transaction) -> Mapping[UUID, int]:
        if await _is_answered(tx, record.tenant_id, request_id):
            return {}
        if await erased_among(tx, [record.tenant_id]):
            return {}
        if record.type == "customers/redact":
            return await _redact(tx, record, request_id, person)
        await _disclose(tx, record, request_id, person)
        return {}

    versions = await in_transaction(engine, work, tenants=[record.tenant_id])
    log.info("privacy_request_answered", topic=record.type, delivery_id=record.id)
    return versions


def _person(record: DeliveryRecord) -> Person:
    if record.type == "customers/redact":
        redaction = decode_body(_REDACT, record)
        customer, orders = redaction.customer, redaction.orders_to_redact
    else:
        request = decode_body(_DATA_REQUEST, record)
        customer, orders = request.customer, request.orders_requested
    return Person(customer.id, customer.email, frozenset(orders))


async def _redact(
    tx: Transaction, record: DeliveryRecord, request_id: UUID, person: Person
) -> Mapping[UUID, int]:
    await refuse_recut(tx, [record.tenant_id])
    # First, because it is the tenant's lock too; a tenant without facts has none.
    versions = await raise_versions(tx, [record.tenant_id])
    counts = await redact_person(tx, record.tenant_id, person, record.time)
    await _keep_receipt(tx, record, request_id, person, {"counts": counts})
    return versions


async def _disclose(
    tx: Transaction, record: DeliveryRecord, request_id: UUID, person: Person
) -> None:
    file, counts = await disclose(tx, record, person)
    values = {"counts": counts, "file": file, "expires_at": utc_now() + FILE_LIFETIME}
    await _keep_receipt(tx, record, request_id, person, values)


async def _is_answered(tx: Transaction, tenant_id: UUID, request_id: UUID) -> bool:
    requests = privacy_requests.c
    query = select(requests.id).where(requests.tenant_id == tenant_id, requests.id == request_id)
    return (await tx.execute(query)).one_or_none() is not None


async def _keep_receipt(
    tx: Transaction,
    record: DeliveryRecord,
    request_id: UUID,
    person: Person,
    values: Mapping[str, Any],
) -> None:
    receipt = insert(privacy_requests).values(
        tenant_id=record.tenant_id,
        id=request_id,
        topic=record.type,
        customer_id=person.id,
        requested_at=record.time,
        done_at=utc_now(),
        **values,
    )
    await tx.execute(receipt.on_conflict_do_nothing())
