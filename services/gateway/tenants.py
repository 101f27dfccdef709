"""The tenant a user looks at, put together from what oauth and the ingestor know of it, and how
its owner ends it.
"""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import JSONResponse

from libs.common.errors import (
    CallerRefusedError,
    InvalidInputError,
    ServiceUnavailableError,
    TransientError,
)
from libs.common.logs import get_logger
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.client import ServiceClient
from services.gateway import erasures
from services.gateway.account_schemas import PasswordAgain
from services.gateway.client_address import client_address
from services.gateway.parts import Parts, SignedIn, TheParts
from services.gateway.reauthentication import check_password_again
from services.gateway.repository import ActiveSession
from services.gateway.schemas import (
    Confirmation,
    ConnectedTenant,
    CurrentTenant,
    DataRequests,
    ErasureScheduled,
    IngestionStatus,
    SettingsChange,
)

router = APIRouter(prefix="/api/tenants", tags=["tenants"])
log = get_logger()

_DATA_REQUESTS = "/api/ingestion/data-requests"
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All that is held on the customer, and the orders asked for.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.get(
    "/current", response_model=CurrentTenant, summary="The signed-in tenant and its first pull"
)
async def read_current_tenant(session: SignedIn, parts: TheParts) -> CurrentTenant:
    of_oauth, of_ingestor = await asyncio.gather(
        _of_oauth(session, parts),
        ask_for_tenant(parts.ingestor, "GET", "/api/ingestion/status", session.tenant_id),
    )
    return _together(of_oauth, of_ingestor)


@router.patch("/current", response_model=CurrentTenant, summary="Change how often and what is read")
async def change_current_tenant(
    change: SettingsChange, session: SignedIn, parts: TheParts
) -> CurrentTenant:
    body = change.model_dump(mode="json", by_alias=True, exclude_none=True)
    of_ingestor = await ask_for_tenant(
        parts.ingestor, "PATCH", "/api/ingestion/settings", session.tenant_id, body
    )
    return _together(await _of_oauth(session, parts), of_ingestor)


async def _of_oauth(session: ActiveSession, parts: Parts) -> Any:
    tenant_id = session.tenant_id
    return await ask_for_tenant(parts.oauth, "GET", f"/internal/tenants/{tenant_id}", tenant_id)


def _together(of_oauth: Any, of_ingestor: Any) -> CurrentTenant:
    tenant = ConnectedTenant.model_validate(of_oauth)
    ingestion = IngestionStatus.model_validate(of_ingestor)
    shop = ingestion.shop
    return CurrentTenant(
        id=tenant.id,
        scopes=tenant.scopes,
        shop_domain=tenant.shop_domain,
        name=shop and shop.name,
        currency=shop and shop.currency,
        zone=shop and shop.zone,
        plan=shop and shop.plan,
        status=tenant.status,
        connected_at=tenant.connected_at,
        history_since=shop and shop.history_since,
        pull=ingestion.pull,
        settings=ingestion.settings,
        freshness=ingestion.freshness,
        erasure_grace_hours=tenant.erasure_grace_hours,
    )


@router.post(
    "/current/disconnect",
    status_code=status.HTTP_202_ACCEPTED,
    response_class=Response,
    summary="Disconnect the shop",
    description="The tokens go and no pull runs; the history stays for the next connection. "
    "Shopify sends webhooks until the app is uninstalled there.",
)
async def disconnect_current_tenant(
    again: PasswordAgain, request: Request, session: SignedIn, parts: TheParts
) -> None:
    await check_password_again(parts, request, session, again.password)
    tenant_id = session.tenant_id
    await ask_for_tenant(
        parts.oauth, "POST", f"/internal/tenants/{tenant_id}/disconnect", tenant_id
    )
    _record_by_owner(SecurityEvent.TENANT_DISCONNECTED, parts, request, session)


@router.delete(
    "/current",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=ErasureScheduled,
    summary="Have the shop and all that is kept of it erased",
    description="Access ends at once, for every user of the shop; the data are deleted at `dueAt`. "
    "Connecting the shop again before that keeps them. Later there is no way back, and users who "
    "belong to no other shop are erased too.",
)
async def erase_current_tenant(
    confirmation: Confirmation,
    request: Request,
    response: Response,
    session: SignedIn,
    parts: TheParts,
) -> ErasureScheduled:
    if confirmation.confirm.strip().lower() != session.shop_domain:
        details = [{"field": "body.confirm", "problem": "must be the domain of the shop"}]
        raise InvalidInputError("The shop's domain is needed to erase it.", details=details)
    await check_password_again(parts, request, session, confirmation.password)
    tenant_id = session.tenant_id
    told = await ask_for_tenant(parts.oauth, "DELETE", f"/internal/tenants/{tenant_id}", tenant_id)
    scheduled = ErasureScheduled.model_validate(told)
    _record_by_owner(SecurityEvent.ERASURE_SCHEDULED, parts, request, session)
    try:
        await erasures.follow_oauth(parts.engine, parts.oauth, tenant_id)
    except TransientError as error:
        # It is scheduled all the same: the event ends the sessions, a moment later.
        log.warning("access_not_ended_yet", code=error.code)
    parts.cookies.clear_session(response)
    return scheduled


def _record_by_owner(
    event: SecurityEvent, parts: Parts, request: Request, session: ActiveSession
) -> None:
    """oauth records it too, and does not know who asked."""
    record_security_event(
        event,
        who=session.username,
        address=client_address(request.scope, parts.settings.trusted_proxies),
        tenant_id=str(session.tenant_id),
        by="owner",
    )


@router.get(
    "/current/data-requests",
    response_model=DataRequests,
    summary="What customers asked to see of what is held on them",
)
async def read_data_requests(session: SignedIn, parts: TheParts) -> Any:
    return await ask_for_tenant(parts.ingestor, "GET", _DATA_REQUESTS, session.tenant_id)


@router.get(
    "/current/data-requests/{request_id}/file",
    response_class=JSONResponse,
    responses=_FILE,
    summary="The file that answers one of them",
)
async def read_data_request_file(
    request_id: UUID, session: SignedIn, parts: TheParts
) -> JSONResponse:
    file = await ask_for_tenant(
        parts.ingestor, "GET", f"{_DATA_REQUESTS}/{request_id}/file", session.tenant_id
    )
    log.info("data_request_file_read", request=str(request_id))
    name = f'attachment; filename="data-request-{request_id}.json"'
    return JSONResponse(file, headers={"Content-Disposition": name, "Cache-Control": "no-store"})


async def ask_for_tenant(
    service: ServiceClient, method: str, path: str, tenant_id: UUID, body: Any = None
) -> Any:
    """What another service answers about the tenant; raises the error that it names."""
    try:
        return await service.ask(method, path, tenant_id=tenant_id, json=body)
    except CallerRefusedError as error:
        # Our own fault, not the user's: a 401 would read as "sign in again".
        raise ServiceUnavailableError("A service does not know this gateway.") from error
