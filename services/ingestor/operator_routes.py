"""What an operator may ask about the schedule of all tenants: `tillstream pulls`."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from services.ingestor import repository
from services.ingestor.pulls.queue import queue_pull
from services.ingestor.routes import PullRequest
from services.ingestor.status import read_schedule_line


class Pause(BaseModel):
    """Of all tenants, or of one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    paused: bool
    tenant: str | None = None


def operator_routes(engine: AsyncEngine, api_version: str) -> APIRouter:
    """`api_version` is the version of Shopify's API that every shop is asked for."""
    router = APIRouter(prefix="/internal/schedule")

    @router.get("")
    async def schedule() -> dict[str, Any]:
        async with transaction(engine) as tx:
            tenants = await repository.scheduled_tenants(tx)
        async with transaction(engine, tenants=tenants) as tx:
            lines = [await read_schedule_line(tx, tenant_id) for tenant_id in tenants]
        return {
            "apiVersion": api_version,
            "tenants": [line for line in lines if line is not None],
        }

    @router.patch("")
    async def pause(wanted: Pause) -> dict[str, Any]:
        async def work(tx: Transaction) -> int:
            tenants = await repository.scheduled_tenants(tx)
            chosen = [each for each in tenants if wanted.tenant in (None, str(each))]
            for tenant_id in chosen:
                await repository.set_schedule(tx, tenant_id, None, paused=wanted.paused)
            return len(chosen)

        return {"changed": await in_transaction(engine, work)}

    @router.post("/{tenant_id}/pulls", status_code=202)
    async def ask_for_pull(tenant_id: UUID, wanted: PullRequest) -> dict[str, Any]:
        async def work(tx: Transaction) -> UUID:
            shop = await repository.read_shop(tx, tenant_id)
            return await queue_pull(tx, tenant_id, wanted.window(shop.zone if shop else None))

        return {"id": str(await in_transaction(engine, work, tenants=[tenant_id]))}

    return router
