"""What customers asked to see, for the gateway. The tenant comes from the caller token alone."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.web.callers import CallersTenant
from services.ingestor.privacy.files import list_files, read_file


def data_request_routes(engine: AsyncEngine) -> APIRouter:
    router = APIRouter(prefix="/api/ingestion/data-requests")

    @router.get("")
    async def data_requests(tenant_id: CallersTenant) -> dict[str, Any]:
        async with transaction(engine, tenants=[tenant_id]) as tx:
            return {"dataRequests": await list_files(tx, tenant_id)}

    @router.get("/{request_id}/file")
    async def data_request_file(request_id: UUID, tenant_id: CallersTenant) -> Response:
        async with transaction(engine, tenants=[tenant_id]) as tx:
            file = await read_file(tx, tenant_id, request_id)
        return Response(file, media_type="application/json")

    return router
