"""The audit log for the owner, and the notices for every member."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from pydantic import AwareDatetime

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from services.gateway import audit_repository
from services.gateway.account_schemas import AuditEntry, AuditLog, Notices, SeenNotices
from services.gateway.audit import NOTICES
from services.gateway.audit_repository import Entry
from services.gateway.parts import SignedIn, TheParts

router = APIRouter(prefix="/api/tenants/current", tags=["tenants"])

_MAX_ENTRIES = 100


@router.get("/audit-log", response_model=AuditLog, summary="What was done to the accounts")
async def read_audit_log(
    session: SignedIn,
    parts: TheParts,
    limit: Annotated[int, Query(ge=1, le=_MAX_ENTRIES)] = 50,
    before: Annotated[AwareDatetime | None, Query(description="Only what is older.")] = None,
) -> AuditLog:
    async with transaction(parts.engine) as tx:
        found = await audit_repository.entries_of(tx, session.tenant_id, limit, before)
    return AuditLog(entries=[_shape(entry) for entry in found])


@router.get(
    "/notices",
    response_model=Notices,
    summary="What was done by others and not seen yet",
    description="Takeovers of the ownership, recovered accounts and new connections of the shop.",
)
async def read_notices(session: SignedIn, parts: TheParts) -> Notices:
    async with transaction(parts.engine) as tx:
        found = await audit_repository.unseen_entries(
            tx, session.tenant_id, session.user_id, NOTICES
        )
    return Notices(notices=[_shape(entry) for entry in found])


@router.post(
    "/notices/seen",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    summary="Dismiss notices",
)
async def dismiss_notices(seen: SeenNotices, session: SignedIn, parts: TheParts) -> None:
    until = min(seen.until, utc_now())
    async with transaction(parts.engine) as tx:
        await audit_repository.mark_seen(tx, session.tenant_id, session.user_id, until)


def _shape(entry: Entry) -> AuditEntry:
    return AuditEntry(
        id=entry.id,
        at=entry.at,
        action=entry.action,
        username=entry.details.get("username"),
        former_owner=entry.details.get("formerOwner"),
    )
