"""Internal routes: which services may call each, and the identity they call with.

A service's table says it, row by row; the guard in front of all its routes applies it. A route
that names a tenant in its path opens for a token of that tenant alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request

from libs.common.errors import CallerRefusedError, ConfigurationError
from libs.common.identity import Call, CallerIdentity, TokenVerifier
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.guards import row_of

_SCHEME = "Bearer "
_TENANT_PARAMETER = "tenant_id"


@dataclass(frozen=True, slots=True)
class Permit:
    """Who may call a route, and whether the call must name a tenant, or must name none."""

    callers: frozenset[str]
    names_tenant: bool


def for_tenant(*callers: str) -> Permit:
    """Calls for one tenant: that of the path, where it names one."""
    return Permit(frozenset(callers), names_tenant=True)


def tenantless(*callers: str) -> Permit:
    """Calls for no tenant: before there is one, or for all of them at once."""
    return Permit(frozenset(callers), names_tenant=False)


HEALTH: Mapping[str, Permit | None] = {"GET /health/live": None, "GET /health/ready": None}
"""None: open to everybody."""


class CallerGuard:
    """Raises CallerRefusedError for every call that `table` does not permit, and records it."""

    def __init__(self, verifier: TokenVerifier, table: Mapping[str, Permit | None]) -> None:
        for row, permit in table.items():
            if permit and not permit.names_tenant and f"{{{_TENANT_PARAMETER}}}" in row:
                raise ConfigurationError(f"{row} names a tenant, so the call must name it too")
        self._verifier = verifier
        self._table = table

    @property
    def rows(self) -> Collection[str]:
        return self._table.keys()

    async def __call__(self, request: Request) -> None:
        row = row_of(request)
        permit = self._table[row]
        if permit is None:
            return
        body = await request.body()
        try:
            request.state.caller = self._identify(request, permit, body)
        except CallerRefusedError as error:
            peer = request.client.host if request.client else "unknown"
            reason = error.context.get("reason")
            record_security_event(
                SecurityEvent.CALLER_REFUSED,
                address=peer,
                repeats=f"{peer} {row} {reason}",
                reason=reason,
                route=row,
            )
            raise

    def _identify(self, request: Request, permit: Permit, body: bytes) -> CallerIdentity:
        header = request.headers.get("Authorization", "")
        if not header.startswith(_SCHEME):
            raise CallerRefusedError("a caller token is needed", reason="token_missing")
        scope = request.scope
        call = Call.of(request.method, scope["raw_path"], scope["query_string"], body)
        token = header.removeprefix(_SCHEME)
        identity = self._verifier.caller(token, permit.callers, call)
        if not permit.names_tenant and identity.tenant_id is not None:
            raise CallerRefusedError("the call must name no tenant", reason="tenant_named")
        if permit.names_tenant:
            _check_tenant(identity, request.path_params.get(_TENANT_PARAMETER))
        return identity


def _check_tenant(identity: CallerIdentity, in_path: str | None) -> None:
    tenant_id = identity.tenant()
    if in_path is not None and _uuid(in_path) != tenant_id:
        raise CallerRefusedError("the call is for another tenant", reason="other_tenant")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _caller(request: Request) -> CallerIdentity:
    return cast(CallerIdentity, request.state.caller)


async def _tenant(request: Request) -> UUID:
    return (await _caller(request)).tenant()


Caller = Annotated[CallerIdentity, Depends(_caller)]
"""Who calls, as the guard has found out."""

CallersTenant = Annotated[UUID, Depends(_tenant)]
"""The tenant that the call is for. The row of the route must be `for_tenant`."""
