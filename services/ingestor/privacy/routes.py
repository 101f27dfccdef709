"""What customers asked to see, for the gateway. The tenant comes from the caller token alone."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.identity import CallerIdentity, TokenVerifier
from libs.common.web.callers import callers
from services.ingestor.privacy.files import list_files, read_file


def data_request_routes(engine: AsyncEngine, verifier: TokenVerifier) -> APIRouter:
    router = APIRouter(prefix="/api/ingestion/data-requests")
    gateway = Annotated[CallerIdentity, Depends(callers(verifier, "gateway"))]

    @router.get("")
    async def data_requests(identity: gateway) -> dict[str, Any]:
        tenant_id = identity.tenant()
        async with transaction(engine, tenants=[tenant_id]) as tx:
            return {"dataRequests": await list_files(tx, tenant_id)}

    @router.get("/{request_id}/file")
    async def data_request_file(request_id: UUID, identity: gateway) -> Response:
        tenant_id = identity.tenant()
        async with transaction(engine, tenants=[tenant_id]) as tx:
            file = await read_file(tx, tenant_id, request_id)
        return Response(file, media_type="application/json")

    return router
