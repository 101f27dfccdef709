"""What Shopify asks about one customer, each request answered once and kept as a receipt.

A delivery writes the request down and is done. What looks through all dead letters of the tenant is
a task: the file of a data request, and the letters about a person who was redacted.
Source: shopify.dev, "Privacy law compliance".
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid5

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import TransientError
from libs.common.logs import get_logger
from libs.common.messaging.records import DeliveryRecord
from services.ingestor.deletions.checks import REDACT, Request, add_redaction
from services.ingestor.deliveries.amounts import malformed
from services.ingestor.deliveries.bodies import DataRequestBody, RedactBody
from services.ingestor.deliveries.decode import BODY_OF_ANOTHER_SHOP, decode_body
from services.ingestor.privacy import receipts
from services.ingestor.privacy.disclosure import disclose
from services.ingestor.privacy.erasure import erased_among
from services.ingestor.privacy.letters import delete_letters, page_about
from services.ingestor.privacy.people import Person
from services.ingestor.privacy.receipts import Asked
from services.ingestor.privacy.redaction import delete_files, redact_person, redacted_at
from services.ingestor.store.recut import refuse_recut
from services.ingestor.store.tenants import lock_known_tenants, raise_versions
from services.ingestor.tasks.repository import Task, TaskKind, add_task, finish_task, hold_task

REQUEST_TOPICS: Final = frozenset({REDACT, "customers/data_request"})

FILE_LIFETIME: Final = timedelta(days=30)
"""As long as the law gives the merchant to answer."""

_REQUESTS = UUID("a3d1c2f0-7c0e-4a5e-9a55-0f2f6a4f7b11")
_REDACT: Final = msgspec.json.Decoder(RedactBody)
_DATA_REQUEST: Final = msgspec.json.Decoder(DataRequestBody)

log = get_logger()


class _RedactedMeanwhileError(TransientError):
    """The person was forgotten while the file was made: it must be made again."""

    code = "PERSON_REDACTED_MEANWHILE"


async def take_request(engine: AsyncEngine, record: DeliveryRecord) -> None:
    """Write down what is asked: a file, or to have Shopify asked whether it forgot the person.

    A repeated request changes nothing, nor does one about an erased tenant. Raises
    MessageMalformedError, also where the body names another shop than the header, and
    TenantRecutError.
    """
    asked = _asked(record)
    request_id = uuid5(_REQUESTS, record.id)
    tenant_id = record.tenant_id

    async def work(tx: Transaction) -> None:
        if await receipts.is_known(tx, tenant_id, request_id):
            return
        if await erased_among(tx, [tenant_id]):
            return
        if await receipts.shop_id_of(tx, tenant_id) not in (None, asked.shop_id):
            raise malformed(BODY_OF_ANOTHER_SHOP)
        if record.type == REDACT:
            await refuse_recut(tx, tenant_id)
            await lock_known_tenants(tx, [tenant_id])
            person = asked.person
            request = Request(person.email, tuple(sorted(person.order_ids)), record.time)
            await add_redaction(tx, tenant_id, person.id, request_id, request)
        else:
            wanted = Asked(record.type, asked.person, record.time, record.source)
            await receipts.add_open(tx, tenant_id, request_id, wanted)
            await add_task(tx, tenant_id, TaskKind.DATA_REQUEST, request_id)

    await in_transaction(engine, work, tenants=[tenant_id])
    log.info("privacy_request_taken", topic=record.type, delivery_id=record.id)


class _Body(NamedTuple):
    shop_id: int
    person: Person


def _asked(record: DeliveryRecord) -> _Body:
    body: RedactBody | DataRequestBody
    if record.type == REDACT:
        body = decode_body(_REDACT, record)
        orders = body.orders_to_redact
    else:
        body = decode_body(_DATA_REQUEST, record)
        orders = body.orders_requested
    return _Body(body.shop_id, Person(body.customer.id, body.customer.email, frozenset(orders)))


async def redact(
    tx: Transaction, tenant_id: UUID, request_id: UUID, person: Person, requested_at: datetime
) -> Mapping[UUID, int]:
    """Forget the person, and have the letters about the person deleted by a worker.

    The caller holds the tenant's lock; a tenant without facts has none. Returns the tenant's new
    data version.
    """
    versions = await raise_versions(tx, [tenant_id])
    counts = await redact_person(tx, tenant_id, person.id, requested_at)
    asked = Asked(REDACT, person, requested_at)
    await receipts.add_open(tx, tenant_id, request_id, asked, counts)
    await add_task(tx, tenant_id, TaskKind.REDACTION, request_id)
    return versions


async def redact_letters(task: Task, engine: AsyncEngine) -> None:
    """Delete the dead letters and the files about a person who was forgotten; end the receipt.

    A page of letters is a transaction, without the tenant's lock. After a failure it begins again
    with what is left. Raises TaskLostError.
    """
    asked = await _read_asked(task, engine)
    after: UUID | None = UUID(int=0)
    while asked is not None and after is not None:
        async with transaction(engine, tenants=[task.tenant_id]) as tx:
            found, after = await page_about(tx, task.tenant_id, asked.person, after)
            deleted = await delete_letters(tx, task.tenant_id, [letter.id for letter in found])
            await receipts.count(tx, task.tenant_id, task.id, "deadLetters", deleted)
            await hold_task(tx, task)
    async with transaction(engine, tenants=[task.tenant_id]) as tx:
        if asked is not None:
            files = await delete_files(tx, task.tenant_id, asked.person.id)
            await receipts.count(tx, task.tenant_id, task.id, "files", files)
            await receipts.close(tx, task.tenant_id, task.id)
        await hold_task(tx, task)
        await finish_task(tx, task)
    log.info("privacy_request_answered")


async def disclose_person(task: Task, engine: AsyncEngine) -> None:
    """Make the file that was asked for, and end the receipt. Raises TaskLostError.

    A transient error where the person was redacted meanwhile.
    """
    asked, tenant_id = await _read_asked(task, engine), task.tenant_id
    file, counts, redacted = b"", dict[str, int](), None
    if asked is not None:
        async with transaction(engine, tenants=[tenant_id]) as tx:
            redacted = await redacted_at(tx, tenant_id, asked.person.id)
            # Of a person who is forgotten the letters are on their way out.
            file, counts = await disclose(tx, tenant_id, asked, letters=redacted is None)

    async def work(tx: Transaction) -> None:
        await lock_known_tenants(tx, [tenant_id])
        if asked is not None:
            if await redacted_at(tx, tenant_id, asked.person.id) != redacted:
                raise _RedactedMeanwhileError("The person was redacted meanwhile.")
            expires_at = utc_now() + FILE_LIFETIME
            await receipts.close_with_file(tx, tenant_id, task.id, file, counts, expires_at)
        await hold_task(tx, task)
        await finish_task(tx, task)

    await in_transaction(engine, work, tenants=[tenant_id])
    log.info("privacy_request_answered")


async def _read_asked(task: Task, engine: AsyncEngine) -> Asked | None:
    """None when the request is gone, with its tenant, or done."""
    async with transaction(engine, tenants=[task.tenant_id]) as tx:
        return await receipts.read_open(tx, task.tenant_id, task.id)
