"""Keeps dead letters whole, so that a person can look at them and send them again."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, transaction
from libs.common.logs import get_logger
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.records import NO_TENANT, decode_records
from libs.common.security_events import SecurityEvent, record_security_event
from services.ingestor import repository
from services.ingestor.deliveries.decode import BODY_OF_ANOTHER_SHOP
from services.ingestor.privacy.erasure import erased_among
from services.ingestor.privacy.letters import names_a_redacted_customer

_LETTERS = UUID("2f6d1f0c-6a3f-4c37-9d0e-5d1b8a1b7f54")

log = get_logger()


async def keep_dead_letter(engine: AsyncEngine, letter: DeadLetter) -> None:
    """One row a letter, however often it comes: its id is made from what it holds.

    A delivery of an erased tenant, or about a person who was redacted, is dropped.
    """
    tenant_id = letter.tenant_id or NO_TENANT
    name = f"{letter.consumer} {sha256(letter.record).hexdigest()}"
    values = {
        "tenant_id": tenant_id,
        "id": uuid5(_LETTERS, name),
        "consumer": letter.consumer,
        "kind": letter.kind.value,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "topic": letter.topic,
        "delivery_id": letter.delivery_id,
        "triggered_at": letter.triggered_at,
        "record": letter.record,
    }
    async with transaction(engine, tenants=[tenant_id]) as tx:
        if letter.kind is Kind.DELIVERY and await _is_forgotten(tx, letter.record):
            log.info("dead_letter_of_the_forgotten_dropped", tenant_id=str(tenant_id))
            return
        await repository.add_dead_letter(tx, values)
    if letter.reason == BODY_OF_ANOTHER_SHOP:
        record_security_event(
            SecurityEvent.DELIVERY_FORGED, tenant_id=str(tenant_id), topic=letter.topic
        )


async def _is_forgotten(tx: Transaction, message: bytes) -> bool:
    [record] = decode_records(message)
    return bool(
        await erased_among(tx, [record.tenant_id]) or await names_a_redacted_customer(tx, record)
    )


def dead_letter_keeper(engine: AsyncEngine) -> Callable[[DeadLetter], Awaitable[None]]:
    """What the consumer of the dead queue calls with each letter."""

    async def keep(letter: DeadLetter) -> None:
        await keep_dead_letter(engine, letter)

    return keep
