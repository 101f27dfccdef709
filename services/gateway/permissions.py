"""Who may use each route of the gateway. Without a row here for each, it does not start.

Another route needs one line. docs/permissions.md is made from this table.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from fastapi import Request

from libs.common.errors import (
    ClaimInvalidError,
    ClaimNotFoundError,
    OwnerRequiredError,
    RecoveryInvalidError,
    RecoveryNotFoundError,
)
from libs.common.identity import TokenVerifier
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.callers import CallerGuard, Permit, tenantless
from libs.common.web.guards import row_of
from services.gateway.client_address import client_address
from services.gateway.parts import Parts, session_of
from services.gateway.repository import ActiveSession

_ANY_METHOD = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class Access(StrEnum):
    """Who a route is for. Whose tenant it shows is always the session's, never the request's."""

    PUBLIC = "everybody"
    CLAIM = "the browser that has just connected a shop"
    PROOF = "the browser whose user Shopify has confirmed as the store owner"
    MEMBER = "everybody who is signed in"
    OWNER = "the owner of the shop"


PERMISSIONS: Mapping[str, Access | Permit] = {
    "GET /health/live": Access.PUBLIC,
    "GET /health/ready": Access.PUBLIC,
    "POST /api/auth/login": Access.PUBLIC,
    "POST /api/auth/logout": Access.PUBLIC,
    "GET /api/auth/session": Access.MEMBER,
    "GET /api/auth/claim": Access.CLAIM,
    "POST /api/auth/claim": Access.CLAIM,
    "POST /api/auth/password": Access.MEMBER,
    "GET /api/auth/sessions": Access.MEMBER,
    "DELETE /api/auth/sessions": Access.MEMBER,
    "DELETE /api/auth/sessions/{session_id}": Access.MEMBER,
    "GET /api/auth/recovery": Access.PROOF,
    "POST /api/auth/recovery": Access.PROOF,
    "GET /api/shopify/auth": Access.PUBLIC,
    "GET /api/shopify/callback": Access.PUBLIC,
    "GET /api/shopify/recover": Access.PUBLIC,
    "GET /api/shopify/recover/callback": Access.PUBLIC,
    "GET /api/tenants/current": Access.MEMBER,
    "PATCH /api/tenants/current": Access.OWNER,
    "DELETE /api/tenants/current": Access.OWNER,
    "POST /api/tenants/current/disconnect": Access.OWNER,
    "GET /api/tenants/current/audit-log": Access.OWNER,
    "GET /api/tenants/current/notices": Access.MEMBER,
    "POST /api/tenants/current/notices/seen": Access.MEMBER,
    "GET /api/tenants/current/data-requests": Access.OWNER,
    "GET /api/tenants/current/data-requests/{request_id}/file": Access.OWNER,
    "GET /api/ingestion/status": Access.MEMBER,
    "GET /api/ingestion/pulls": Access.MEMBER,
    "POST /api/ingestion/pulls": Access.OWNER,
    "GET /api/analytics/{question:path}": Access.MEMBER,
    "GET /api/live": Access.MEMBER,
    "GET /api/docs": Access.PUBLIC,
    "GET /api/openapi.json": Access.PUBLIC,
    "GET /internal/users": tenantless("ops"),
    "PATCH /internal/users/{user_id}": tenantless("ops"),
    "DELETE /internal/users/{user_id}/sessions": tenantless("ops"),
    # What is left is told that there is nothing, or shown the page that asks it to sign in.
    **{f"{method} /api": Access.PUBLIC for method in _ANY_METHOD},
    **{f"{method} /api/{{rest:path}}": Access.PUBLIC for method in _ANY_METHOD},
    "GET /{path:path}": Access.PUBLIC,
    "HEAD /{path:path}": Access.PUBLIC,
}


class PermissionGuard:
    """Lets through who the table says, and records who else tried.

    Raises SessionExpiredError, OwnerRequiredError, ClaimNotFoundError, ClaimInvalidError,
    RecoveryNotFoundError, RecoveryInvalidError, and for a row that is another service's
    CallerRefusedError.
    """

    def __init__(self, parts: Parts, table: Mapping[str, Access | Permit] = PERMISSIONS) -> None:
        self._parts = parts
        self._table = table
        internal = {row: permit for row, permit in table.items() if isinstance(permit, Permit)}
        verifier = TokenVerifier("gateway", parts.settings.caller_public_keys)
        self._callers = CallerGuard(verifier, internal)

    @property
    def rows(self) -> Collection[str]:
        return self._table.keys()

    async def __call__(self, request: Request) -> None:
        access = self._table[row_of(request)]
        if isinstance(access, Permit):
            await self._callers(request)
        elif access is Access.CLAIM:
            self._check_claim(request)
        elif access is Access.PROOF:
            self._check_proof(request)
        elif access is not Access.PUBLIC:
            request.state.session = session = await session_of(request, self._parts)
            if access is not Access.MEMBER and session.role != "owner":
                self._record(request, SecurityEvent.ACCESS_REFUSED, session)
                raise OwnerRequiredError("Only the owner of the shop may do this.")

    def _check_claim(self, request: Request) -> None:
        try:
            self._parts.claims.read(self._parts.cookies.claim_of(request))
        except (ClaimNotFoundError, ClaimInvalidError) as error:
            # The dashboard looks whether there is a claim: that there is none is no attempt.
            if request.method != "GET" or isinstance(error, ClaimInvalidError):
                self._record(request, SecurityEvent.CLAIM_REFUSED, reason=error.code)
            raise

    def _check_proof(self, request: Request) -> None:
        try:
            self._parts.proofs.read(self._parts.cookies.recovery_of(request))
        except (RecoveryNotFoundError, RecoveryInvalidError) as error:
            # As with a claim, a look finds nothing in most browsers.
            if request.method != "GET" or isinstance(error, RecoveryInvalidError):
                self._record(request, SecurityEvent.RECOVERY_REFUSED, reason=error.code)
            raise

    def _record(
        self,
        request: Request,
        event: SecurityEvent,
        session: ActiveSession | None = None,
        **what: str,
    ) -> None:
        address = client_address(request.scope, self._parts.settings.trusted_proxies)
        row = row_of(request)
        if session:
            what |= {"tenant_id": str(session.tenant_id), "role": session.role}
        record_security_event(
            event,
            who=session.username if session else None,
            address=address,
            repeats=f"{session.user_id if session else address} {row}",
            route=row,
            **what,
        )
