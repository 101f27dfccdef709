"""The internal HTTP side. The tenant comes from the caller token alone."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import InvalidRangeError
from libs.common.web.callers import CallersTenant
from services.ingestor import repository
from services.ingestor.pulls.queue import queue_pull
from services.ingestor.shopify.windows import Window
from services.ingestor.status import read_history, read_status
from services.ingestor.tenant_settings import SettingsChange, change_settings

Answer: TypeAlias = dict[str, Any]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]


class PullRequest(BaseModel):
    """Days of the shop's zone, both included; no bound where one is left out."""

    model_config = ConfigDict(extra="forbid")

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")

    def window(self, zone: str | None) -> Window:
        """By when records were created. Raises InvalidRangeError."""
        if self.first and self.last and self.first > self.last:
            raise InvalidRangeError("The range ends before it begins.")
        cut = ZoneInfo(zone) if zone else UTC
        return Window(_start(self.first, cut), _start(self.last, cut, days=1))


def _start(day: date | None, zone: tzinfo, *, days: int = 0) -> datetime | None:
    return None if day is None else datetime.combine(day + timedelta(days), time(), zone)


def ingestion_routes(engine: AsyncEngine) -> APIRouter:
    router = APIRouter(prefix="/api/ingestion")

    @router.get("/status")
    async def ingestion_status(tenant_id: CallersTenant) -> Answer:
        async with transaction(engine, tenants=[tenant_id]) as tx:
            return await read_status(tx, tenant_id)

    @router.get("/pulls")
    async def pull_history(
        tenant_id: CallersTenant, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> Answer:
        async with transaction(engine, tenants=[tenant_id]) as tx:
            return await read_history(tx, tenant_id, limit)

    @router.post("/pulls", status_code=202)
    async def ask_for_pull(tenant_id: CallersTenant, request: PullRequest) -> Answer:
        async def work(tx: Transaction) -> Answer:
            shop = await repository.read_shop(tx, tenant_id)
            window = request.window(shop.zone if shop else None)
            return {"id": str(await queue_pull(tx, tenant_id, window))}

        return await in_transaction(engine, work, tenants=[tenant_id])

    @router.patch("/settings")
    async def set_settings(tenant_id: CallersTenant, change: SettingsChange) -> Answer:
        async def work(tx: Transaction) -> Answer:
            await change_settings(tx, tenant_id, change)
            return await read_status(tx, tenant_id)

        return await in_transaction(engine, work, tenants=[tenant_id])

    return router
