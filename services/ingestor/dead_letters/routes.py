"""For the operator: what was set aside, and what becomes of it (`tillstream dead-letters`).

A letter is sent again by the operator, as the broker's owner, for a service may write to its own
queues alone (ADR 0019). It is handed out and marked, sent, and removed once the broker has
confirmed it. Whatever is cut off in between leaves it where it is; to send it twice does no harm,
since no delivery and no event is applied twice. One that fails again is kept, mark or not.
"""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import InvalidInputError, NotFoundError
from libs.common.messaging.fates import Kind
from libs.common.messaging.topology import DEAD_QUEUE, reader_of
from libs.common.security_events import SecurityEvent, record_security_event
from services.ingestor.dead_letters import repository
from services.ingestor.dead_letters.outline import outline
from services.ingestor.dead_letters.repository import PRIVACY_TOPICS, LetterFilter

MAX_LISTED = 10_000
_DISCARDED = {
    False: SecurityEvent.DEAD_LETTER_DISCARDED,
    True: SecurityEvent.PRIVACY_REQUEST_DISCARDED,
}
"""Counted apart: of what the law wanted answered a number must be known."""


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Retry(_Order):
    """`by` is who asks, as the operator's machine knows them."""

    by: str = Field(min_length=1, max_length=200)


class Confirmed(_Order):
    """`retriedAt` as the letter was handed out with."""

    retried_at: AwareDatetime = Field(alias="retriedAt")


class Discard(Retry):
    """`privacyRequests`: also one that the law wants answered."""

    privacy_requests: bool = Field(default=False, alias="privacyRequests")


class Chosen(_Order):
    """A query: each value that is given must match."""

    consumer: str | None = None
    kind: Kind | None = None
    reason: str | None = None
    topic: str | None = None
    tenant: UUID | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: int = Field(default=100, ge=1, le=MAX_LISTED)

    def filter(self) -> LetterFilter:
        return LetterFilter(
            self.consumer,
            self.kind,
            self.reason,
            self.topic,
            self.tenant,
            self.since,
            self.until,
        )


def dead_letter_routes(engine: AsyncEngine) -> APIRouter:
    router = APIRouter(prefix="/internal/dead-letters")

    @router.get("")
    async def letters(chosen: Annotated[Chosen, Query()]) -> dict[str, Any]:
        tenants = await _tenants(engine)
        async with transaction(engine, tenants=tenants) as tx:
            rows = await repository.list_letters(tx, chosen.filter(), chosen.limit)
            counted = await repository.count_letters(tx, chosen.filter())
        return {
            "total": counted.total,
            "oldestAt": _moment(counted.oldest_at),
            "privacyRequests": counted.private,
            "oldestPrivacyRequestAt": _moment(counted.oldest_private_at),
            "deadLetters": [_line(row) for row in rows],
        }

    @router.get("/{letter_id}")
    async def letter(letter_id: UUID) -> dict[str, Any]:
        async with transaction(engine, tenants=await _tenants(engine)) as tx:
            row = await _known(tx, letter_id)
        return {**_line(row), "fields": outline(row.kind, row.record)}

    @router.post("/{letter_id}/retry")
    async def retry(letter_id: UUID, wanted: Retry) -> dict[str, Any]:
        return await _hand_out(engine, letter_id, wanted)

    @router.post("/{letter_id}/retried", status_code=204)
    async def retried(letter_id: UUID, told: Confirmed) -> None:
        async with transaction(engine, tenants=await _tenants(engine)) as tx:
            if (row := await repository.read_letter(tx, letter_id)) is not None:
                await repository.delete_retried(tx, row.tenant_id, row.id, told.retried_at)

    @router.post("/{letter_id}/discard", status_code=204)
    async def discard(letter_id: UUID, wanted: Discard) -> None:
        await _discard(engine, letter_id, wanted)

    return router


async def _hand_out(engine: AsyncEngine, letter_id: UUID, wanted: Retry) -> dict[str, Any]:
    tenants = await _tenants(engine)

    async def work(tx: Transaction) -> tuple[Row[*tuple[Any, ...]], datetime]:
        row = await _known(tx, letter_id)
        if row.consumer == DEAD_QUEUE or reader_of(row.consumer) is None:
            raise InvalidInputError(
                "This letter came from no queue that a service reads: it can only be discarded."
            )
        return row, await repository.mark_retried(tx, row.tenant_id, row.id)

    row, retried_at = await in_transaction(engine, work, tenants=tenants)
    _record(SecurityEvent.DEAD_LETTER_RETRIED, row, wanted.by)
    return {
        **_line(row),
        "retriedAt": retried_at.isoformat(),
        "record": b64encode(row.record).decode(),
    }


async def _discard(engine: AsyncEngine, letter_id: UUID, wanted: Discard) -> None:
    tenants = await _tenants(engine)

    async def work(tx: Transaction) -> Row[*tuple[Any, ...]]:
        row = await _known(tx, letter_id)
        if row.topic in PRIVACY_TOPICS and not wanted.privacy_requests:
            raise InvalidInputError(
                "The law gives 30 days to do what this letter asks for: retry it. "
                "--privacy-requests discards it all the same."
            )
        await repository.delete_letter(tx, row.tenant_id, row.id)
        return row

    row = await in_transaction(engine, work, tenants=tenants)
    _record(_DISCARDED[row.topic in PRIVACY_TOPICS], row, wanted.by)


async def _tenants(engine: AsyncEngine) -> list[UUID]:
    async with transaction(engine) as tx:
        return list(await repository.tenants_with_letters(tx))


async def _known(tx: Transaction, letter_id: UUID) -> Row[*tuple[Any, ...]]:
    row = await repository.read_letter(tx, letter_id)
    if row is None:
        raise NotFoundError(f"There is no dead letter {letter_id}; it may have been retried.")
    return row


def _record(event: SecurityEvent, row: Row[*tuple[Any, ...]], by: str) -> None:
    record_security_event(
        event,
        who=by,
        letter=str(row.id),
        tenant_id=str(row.tenant_id),
        consumer=row.consumer,
        topic=row.topic,
        reason=row.reason,
    )


def _line(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "tenantId": str(row.tenant_id),
        "domain": row.domain,
        "consumer": row.consumer,
        "kind": row.kind,
        "reason": row.reason,
        "attempts": row.attempts,
        "topic": row.topic,
        "deliveryId": row.delivery_id,
        "triggeredAt": _moment(row.triggered_at),
        "createdAt": _moment(row.created_at),
        "retriedAt": _moment(row.retried_at),
        "bytes": row.bytes,
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
