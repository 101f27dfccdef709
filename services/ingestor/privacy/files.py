"""The files made for data requests: listed and read until they expire, then emptied."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, null, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import NotFoundError
from libs.common.tables.store import privacy_requests as requests
from libs.common.tables.store import schedule

_TENANTS_AT_ONCE = 1_000
_MOST_LISTED = 1_000


async def list_files(tx: Transaction, tenant_id: UUID) -> list[dict[str, Any]]:
    """The newest first; `bytes` is null once the file is gone."""
    query = (
        select(
            requests.c.id,
            requests.c.customer_id,
            requests.c.requested_at,
            requests.c.expires_at,
            func.octet_length(requests.c.file).label("bytes"),
        )
        .where(
            requests.c.tenant_id == tenant_id,
            requests.c.topic == "customers/data_request",
            requests.c.done_at.is_not(None),
        )
        .order_by(requests.c.requested_at.desc(), requests.c.id)
        .limit(_MOST_LISTED)
    )
    now = utc_now()
    return [
        {
            "id": str(row.id),
            "customerId": str(row.customer_id),
            "requestedAt": _moment(row.requested_at),
            "expiresAt": _moment(row.expires_at),
            "bytes": row.bytes if row.expires_at > now else None,
        }
        for row in await tx.execute(query)
    ]


async def read_file(tx: Transaction, tenant_id: UUID, request_id: UUID) -> bytes:
    """Raises NotFoundError when there is no such file, or no longer."""
    query = select(requests.c.file).where(
        requests.c.tenant_id == tenant_id,
        requests.c.id == request_id,
        requests.c.expires_at > utc_now(),
    )
    file: bytes | None = await tx.scalar(query)
    if file is None:
        raise NotFoundError("There is no such file, or it has expired.")
    return file


async def empty_expired_files(engine: AsyncEngine) -> int:
    """How many were emptied. The tenants are read from the schedule, which knows them all."""
    async with transaction(engine) as tx:
        tenants = list(await tx.scalars(select(schedule.c.tenant_id)))
    emptied = 0
    for start in range(0, len(tenants), _TENANTS_AT_ONCE):
        some = tenants[start : start + _TENANTS_AT_ONCE]
        expired = update(requests).where(
            requests.c.tenant_id.in_(some),
            requests.c.expires_at <= utc_now(),
            requests.c.file.is_not(None),
        )
        async with transaction(engine, tenants=some) as tx:
            emptied += (await tx.execute(expired.values(file=null()))).rowcount
    return emptied


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
