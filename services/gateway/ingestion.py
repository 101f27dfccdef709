"""How the ingestion of the signed-in tenant stands, and pulls that a person asks for."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, status

from services.gateway.parts import SignedIn, TheParts
from services.gateway.schemas import IngestionStatus, PullQueued, PullRange, Pulls
from services.gateway.tenants import ask_for_tenant

router = APIRouter(prefix="/api/ingestion", tags=["ingestion"])


@router.get(
    "/status",
    response_model=IngestionStatus,
    summary="How fresh the data are, and the proof that they are whole",
)
async def read_ingestion_status(session: SignedIn, parts: TheParts) -> Any:
    return await ask_for_tenant(parts.ingestor, "GET", "/api/ingestion/status", session.tenant_id)


@router.get("/pulls", response_model=Pulls, summary="The latest pulls")
async def read_pulls(
    session: SignedIn, parts: TheParts, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> Any:
    path = f"/api/ingestion/pulls?limit={limit}"
    return await ask_for_tenant(parts.ingestor, "GET", path, session.tenant_id)


@router.post(
    "/pulls",
    response_model=PullQueued,
    status_code=status.HTTP_202_ACCEPTED,
    summary="Read again what was created in a range of days, or all",
)
async def request_pull(wanted: PullRange, session: SignedIn, parts: TheParts) -> Any:
    body = wanted.model_dump(mode="json", by_alias=True, exclude_none=True)
    return await ask_for_tenant(
        parts.ingestor, "POST", "/api/ingestion/pulls", session.tenant_id, body
    )
