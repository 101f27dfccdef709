"""The tenant a user looks at, put together from what oauth and the ingestor know of it."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from libs.common.errors import CallerRefusedError, ServiceUnavailableError
from libs.common.web.client import ServiceClient
from services.gateway.parts import SignedIn, TheParts
from services.gateway.schemas import ConnectedTenant, CurrentTenant, IngestionStatus

router = APIRouter(prefix="/api/tenants", tags=["tenants"])


@router.get(
    "/current", response_model=CurrentTenant, summary="The signed-in tenant and its first pull"
)
async def read_current_tenant(session: SignedIn, parts: TheParts) -> CurrentTenant:
    tenant_id = session.tenant_id
    of_oauth, of_ingestor = await asyncio.gather(
        _ask(parts.oauth, f"/internal/tenants/{tenant_id}", tenant_id),
        _ask(parts.ingestor, "/api/ingestion/status", tenant_id),
    )
    tenant = ConnectedTenant.model_validate(of_oauth)
    status = IngestionStatus.model_validate(of_ingestor)
    shop = status.shop
    return CurrentTenant(
        id=tenant.id,
        shop_domain=tenant.shop_domain,
        name=shop and shop.name,
        currency=shop and shop.currency,
        zone=shop and shop.zone,
        status=tenant.status,
        connected_at=tenant.connected_at,
        history_since=shop and shop.history_since,
        pull=status.pull,
        freshness=status.freshness,
    )


async def _ask(service: ServiceClient, path: str, tenant_id: UUID) -> Any:
    try:
        return await service.ask("GET", path, tenant_id=tenant_id)
    except CallerRefusedError as error:
        # Our own fault, not the user's: a 401 would read as "sign in again".
        raise ServiceUnavailableError("A service does not know this gateway.") from error
