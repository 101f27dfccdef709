"""The three questions that can be asked. The tenant comes from the caller token alone.

An operator learns only whether they can be answered.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import NotFoundError
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

    async def compute(self, tenant_id: UUID, build: _Build) -> BaseModel:
        """An answer that comes from the database and is not kept."""
        async with transaction(self._snapshots, tenants=(tenant_id,)) as tx:
            return await build(tx, tenant_id, await read_stamp(tx, tenant_id))


_CHECKED: Mapping[str, _Build] = {
    "summary": answers.summary,
    "top-customers": partial(answers.top_customers, limit=answers.MOST_TOP_CUSTOMERS),
    "orders": partial(answers.orders_by_day, first=None, last=None),
}
"""What the Overview asks when it opens on all time."""


def figures_check_router(reader: Reader) -> APIRouter:
    router = APIRouter(prefix="/internal/figures")

    @router.get("/{question}", status_code=204)
    async def check_figures(question: str, tenant_id: CallersTenant) -> None:
        """Nothing, where the tenant of the token would get an answer; its error otherwise."""
        if question not in _CHECKED:
            raise NotFoundError("There is no such question.")
        # The cache is passed by: what is asked is whether it can be computed now.
        await reader.compute(tenant_id, _CHECKED[question])

    return router


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
