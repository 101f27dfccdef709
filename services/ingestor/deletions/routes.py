"""Redactions that Shopify does not confirm, for an operator to decide: `tillstream redactions`."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import NotFoundError
from libs.common.logs import get_logger
from services.ingestor.deletions import repository
from services.ingestor.deletions.settling import apply_taken, refuse_redactions
from services.ingestor.store.tenants import lock_known_tenants

CustomerId = Annotated[int, Path(ge=1, le=2**63 - 1)]

log = get_logger()


class Decision(BaseModel):
    """`forget` does what was asked although Shopify still shows the person; `refuse` does not."""

    model_config = ConfigDict(extra="forbid", strict=True)

    decision: Literal["forget", "refuse"]


def redaction_routes(engine: AsyncEngine) -> APIRouter:
    router = APIRouter(prefix="/internal/redactions")

    @router.get("")
    async def held_redactions() -> dict[str, Any]:
        async with transaction(engine) as tx:
            tenants = await repository.tenants_with_held(tx)
        async with transaction(engine, tenants=tenants) as tx:
            rows = await repository.read_held(tx, tenants)
        return {"redactions": [_line(row) for row in rows]}

    @router.post("/{tenant_id}/{customer_id}", status_code=204)
    async def decide(tenant_id: UUID, customer_id: CustomerId, wanted: Decision) -> None:
        async def work(tx: Transaction) -> None:
            await lock_known_tenants(tx, [tenant_id])
            await repository.make_due(tx, [tenant_id])
            taken = await repository.take_held(tx, tenant_id, customer_id)
            if taken is None:
                raise NotFoundError("No redaction of this customer is held.")
            if wanted.decision == "forget":
                await apply_taken(tx, tenant_id, [taken])
            else:
                await refuse_redactions(tx, tenant_id, taken)

        await in_transaction(engine, work, tenants=[tenant_id])
        log.info("redaction_decided", tenant_id=str(tenant_id), decision=wanted.decision)

    return router


def _line(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "tenantId": str(row.tenant_id),
        "domain": row.domain,
        "customerId": str(row.object_id),
        "receivedAt": row.received_at.isoformat(),
        "heldAt": row.held_at.isoformat(),
    }
