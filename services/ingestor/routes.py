"""The internal HTTP side. The tenant comes from the caller token alone."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.identity import CallerIdentity, TokenVerifier
from libs.common.web.callers import callers
from services.ingestor.status import read_status


def ingestion_routes(engine: AsyncEngine, verifier: TokenVerifier) -> APIRouter:
    router = APIRouter(prefix="/api/ingestion")
    gateway = callers(verifier, "gateway")

    @router.get("/status")
    async def ingestion_status(
        identity: Annotated[CallerIdentity, Depends(gateway)],
    ) -> dict[str, Any]:
        tenant_id = identity.tenant()
        async with transaction(engine, tenants=[tenant_id]) as tx:
            return await read_status(tx, tenant_id)

    return router
