"""SQL over erasures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select

from libs.common.database.transaction import Transaction
from libs.common.tables.tenancy import erasures

State = Literal["scheduled", "running", "done"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """`due_at` is when the rows may go."""

    tenant_id: UUID
    state: State
    due_at: datetime | None


async def erasure_of(tx: Transaction, tenant_id: UUID) -> Erasure | None:
    """The erasure of `tenant_id`; None when nobody asked for one."""
    query = select(erasures.c.done_at).where(erasures.c.tenant_id == tenant_id)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    return Erasure(tenant_id, "running" if row.done_at is None else "done", None)
