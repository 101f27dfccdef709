"""The three questions that can be asked. The tenant comes from the caller token alone."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, transaction
from libs.common.web.callers import CallersTenant
from services.analytics import answers
from services.analytics.cache import AnswerCache, Question
from services.analytics.dates import check_range, date_from_text
from services.analytics.queries import Stamp, read_stamp
from services.analytics.schemas import OrdersByDay, Summary, TopCustomers

_Build = Callable[[Transaction, UUID, Stamp], Awaitable[BaseModel]]
_IS_DATE = {"format": "date"}


class Reader:
    """Reads answers in repeatable-read snapshots, so that every number in one agrees."""

    def __init__(self, engine: AsyncEngine, cache: AnswerCache) -> None:
        self._snapshots = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._cache = cache

    async def read(self, tenant_id: UUID, question: Question, build: _Build) -> Response:
        async with transaction(self._snapshots, tenants=(tenant_id,)) as tx:
            stamp = await read_stamp(tx, tenant_id)
            body = self._cache.find(tenant_id, question, stamp)
            if body is None:
                answer = await build(tx, tenant_id, stamp)
                body = answer.model_dump_json(by_alias=True).encode()
                self._cache.keep(tenant_id, question, stamp, body)
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def analytics_router(reader: Reader) -> APIRouter:
    router = APIRouter(prefix="/api/analytics", tags=["analytics"])

    @router.get("/summary", response_model=Summary, summary="All-time figures")
    async def read_summary(tenant_id: CallersTenant) -> Response:
        return await reader.read(tenant_id, ("summary",), answers.summary)

    @router.get("/top-customers", response_model=TopCustomers, summary="Customers by revenue")
    async def read_top_customers(
        tenant_id: CallersTenant, limit: Annotated[int, Query(ge=1)] = answers.MOST_TOP_CUSTOMERS
    ) -> Response:
        most = min(limit, answers.MOST_TOP_CUSTOMERS)
        return await reader.read(
            tenant_id,
            ("top-customers", most),
            lambda tx, tenant, stamp: answers.top_customers(tx, tenant, stamp, most),
        )

    @router.get("/orders", response_model=OrdersByDay, summary="Orders and revenue of each day")
    async def read_orders_by_day(
        tenant_id: CallersTenant,
        from_: Annotated[str | None, Query(alias="from", json_schema_extra=_IS_DATE)] = None,
        to: Annotated[str | None, Query(json_schema_extra=_IS_DATE)] = None,
    ) -> Response:
        first, last = date_from_text("from", from_), date_from_text("to", to)
        if first and last:
            check_range(first, last)
        return await reader.read(
            tenant_id,
            ("orders", first, last),
            lambda tx, tenant, stamp: answers.orders_by_day(tx, tenant, stamp, first, last),
        )

    return router
