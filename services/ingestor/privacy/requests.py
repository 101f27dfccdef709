"""What Shopify asks about one customer, each request answered once and kept as a receipt.

Source: shopify.dev, "Privacy law compliance".
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction
from libs.common.logs import get_logger
from libs.common.messaging.records import DeliveryRecord
from libs.common.tables.store import privacy_requests, shops
from services.ingestor.deletions.checks import REDACT, Request, add_redaction
from services.ingestor.deliveries.amounts import malformed
from services.ingestor.deliveries.bodies import DataRequestBody, RedactBody
from services.ingestor.deliveries.decode import BODY_OF_ANOTHER_SHOP, decode_body
from services.ingestor.privacy.disclosure import disclose
from services.ingestor.privacy.erasure import erased_among
from services.ingestor.privacy.people import Person
from services.ingestor.privacy.redaction import redact_person
from services.ingestor.store.recut import refuse_recut
from services.ingestor.store.tenants import lock_known_tenants, raise_versions

REQUEST_TOPICS: Final = frozenset({REDACT, "customers/data_request"})

FILE_LIFETIME: Final = timedelta(days=30)
"""As long as the law gives the merchant to answer."""

_REQUESTS = UUID("a3d1c2f0-7c0e-4a5e-9a55-0f2f6a4f7b11")
_REDACT: Final = msgspec.json.Decoder(RedactBody)
_DATA_REQUEST: Final = msgspec.json.Decoder(DataRequestBody)

log = get_logger()


async def answer_request(engine: AsyncEngine, record: DeliveryRecord) -> None:
    """Write the file that was asked for, or have Shopify asked whether it has forgotten the person.

    A repeated request changes nothing, nor does one about an erased tenant. Raises
    MessageMalformedError, also where the body names another shop than the header, and
    TenantRecutError.
    """
    asked = _asked(record)
    request_id = uuid5(_REQUESTS, record.id)
    tenant_id = record.tenant_id

    async def work(tx: Transaction) -> None:
        if await _is_answered(tx, tenant_id, request_id):
            return
        if await erased_among(tx, [tenant_id]):
            return
        await _check_shop_id(tx, tenant_id, asked.shop_id)
        if record.type == REDACT:
            await refuse_recut(tx, [tenant_id])
            await lock_known_tenants(tx, [tenant_id])
            person = asked.person
            request = Request(person.email, tuple(sorted(person.order_ids)), record.time)
            await add_redaction(tx, tenant_id, person.id, request_id, request)
        else:
            await _disclose(tx, record, request_id, asked.person)

    await in_transaction(engine, work, tenants=[tenant_id])
    log.info("privacy_request_taken", topic=record.type, delivery_id=record.id)


class _Asked(NamedTuple):
    shop_id: int
    person: Person


def _asked(record: DeliveryRecord) -> _Asked:
    body: RedactBody | DataRequestBody
    if record.type == REDACT:
        body = decode_body(_REDACT, record)
        orders = body.orders_to_redact
    else:
        body = decode_body(_DATA_REQUEST, record)
        orders = body.orders_requested
    return _Asked(body.shop_id, Person(body.customer.id, body.customer.email, frozenset(orders)))


async def _check_shop_id(tx: Transaction, tenant_id: UUID, shop_id: int) -> None:
    known = await tx.scalar(select(shops.c.shopify_id).where(shops.c.tenant_id == tenant_id))
    if known not in (None, shop_id):
        raise malformed(BODY_OF_ANOTHER_SHOP)


async def redact(
    tx: Transaction, tenant_id: UUID, request_id: UUID, person: Person, requested_at: datetime
) -> Mapping[UUID, int]:
    """Forget the person and keep the receipt. Returns the tenant's new data version.

    The caller holds the tenant's lock; a tenant without facts has none.
    """
    versions = await raise_versions(tx, [tenant_id])
    counts = await redact_person(tx, tenant_id, person, requested_at)
    await keep_receipt(tx, tenant_id, request_id, REDACT, person, requested_at, {"counts": counts})
    return versions


async def _disclose(
    tx: Transaction, record: DeliveryRecord, request_id: UUID, person: Person
) -> None:
    file, counts = await disclose(tx, record, person)
    values = {"counts": counts, "file": file, "expires_at": utc_now() + FILE_LIFETIME}
    await keep_receipt(tx, record.tenant_id, request_id, record.type, person, record.time, values)


async def _is_answered(tx: Transaction, tenant_id: UUID, request_id: UUID) -> bool:
    requests = privacy_requests.c
    query = select(requests.id).where(requests.tenant_id == tenant_id, requests.id == request_id)
    return (await tx.execute(query)).one_or_none() is not None


async def keep_receipt(
    tx: Transaction,
    tenant_id: UUID,
    request_id: UUID,
    topic: str,
    person: Person,
    requested_at: datetime,
    values: Mapping[str, Any],
) -> None:
    receipt = insert(privacy_requests).values(
        tenant_id=tenant_id,
        id=request_id,
        topic=topic,
        customer_id=person.id,
        requested_at=requested_at,
        done_at=utc_now(),
        **values,
    )
    await tx.execute(receipt.on_conflict_do_nothing())
