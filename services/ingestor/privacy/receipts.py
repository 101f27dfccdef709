"""SQL over receipts of requests about a person. An open one holds what is asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import null, select, text, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.tables.store import privacy_requests, shops
from services.ingestor.privacy.people import Person

_COUNT = text("""UPDATE store.privacy_requests
    SET counts = counts || jsonb_build_object(
        CAST(:name AS text), coalesce((counts ->> :name)::bigint, 0) + :number)
    WHERE tenant_id = :tenant_id AND id = :id""")


class Asked(NamedTuple):
    """One request, as it waits. `shop` is its domain, where a file shall name it."""

    topic: str
    person: Person
    requested_at: datetime
    shop: str | None = None


class _Kept(msgspec.Struct, frozen=True):
    email: str | None
    orders: tuple[int, ...]
    shop: str | None


async def is_known(tx: Transaction, tenant_id: UUID, request_id: UUID) -> bool:
    """Whether the request came before, whatever became of it."""
    mine = _mine(tenant_id, request_id)
    return (await tx.execute(select(privacy_requests.c.id).where(*mine))).one_or_none() is not None


async def shop_id_of(tx: Transaction, tenant_id: UUID) -> int | None:
    """Shopify's number of the shop; None while we have not asked for it."""
    query = select(shops.c.shopify_id).where(shops.c.tenant_id == tenant_id)
    found: int | None = await tx.scalar(query)
    return found


async def add_open(
    tx: Transaction,
    tenant_id: UUID,
    request_id: UUID,
    asked: Asked,
    counts: Mapping[str, int] | None = None,
) -> None:
    """Nothing happens where it is known."""
    person = asked.person
    kept = _Kept(person.email, tuple(sorted(person.order_ids)), asked.shop)
    values = {"counts": dict(counts or {}), "asked": msgspec.to_builtins(kept)}
    await _add(tx, tenant_id, request_id, asked, values)


async def add_refused(tx: Transaction, tenant_id: UUID, request_id: UUID, asked: Asked) -> None:
    """By it the same request does not come back."""
    await _add(tx, tenant_id, request_id, asked, {"counts": {"refused": 1}, "done_at": utc_now()})


async def read_open(tx: Transaction, tenant_id: UUID, request_id: UUID) -> Asked | None:
    """None when it is done, or gone with its tenant."""
    requests = privacy_requests.c
    query = select(requests.topic, requests.customer_id, requests.requested_at, requests.asked)
    open_one = query.where(*_mine(tenant_id, request_id), requests.done_at.is_(None))
    row = (await tx.execute(open_one)).one_or_none()
    if row is None:
        return None
    kept = msgspec.convert(row.asked, _Kept)
    person = Person(row.customer_id, kept.email, frozenset(kept.orders))
    return Asked(row.topic, person, row.requested_at, kept.shop)


async def count(tx: Transaction, tenant_id: UUID, request_id: UUID, name: str, number: int) -> None:
    given = {"name": name, "number": number, "tenant_id": tenant_id, "id": request_id}
    await tx.execute(_COUNT, given)


async def close(tx: Transaction, tenant_id: UUID, request_id: UUID) -> None:
    """What was asked is forgotten: it names a person."""
    await _close(tx, tenant_id, request_id, {})


async def close_with_file(
    tx: Transaction,
    tenant_id: UUID,
    request_id: UUID,
    file: bytes,
    counts: Mapping[str, int],
    expires_at: datetime,
) -> None:
    values = {"file": file, "counts": dict(counts), "expires_at": expires_at}
    await _close(tx, tenant_id, request_id, values)


async def _close(
    tx: Transaction, tenant_id: UUID, request_id: UUID, values: Mapping[str, Any]
) -> None:
    done = update(privacy_requests).where(*_mine(tenant_id, request_id))
    await tx.execute(done.values(done_at=utc_now(), asked=null(), **values))


async def _add(
    tx: Transaction, tenant_id: UUID, request_id: UUID, asked: Asked, values: Mapping[str, Any]
) -> None:
    receipt = insert(privacy_requests).values(
        tenant_id=tenant_id,
        id=request_id,
        topic=asked.topic,
        customer_id=asked.person.id,
        requested_at=asked.requested_at,
        **values,
    )
    await tx.execute(receipt.on_conflict_do_nothing())


def _mine(tenant_id: UUID, request_id: UUID) -> tuple[Any, Any]:
    requests = privacy_requests.c
    return requests.tenant_id == tenant_id, requests.id == request_id
