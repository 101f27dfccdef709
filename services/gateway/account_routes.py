"""What a user does about their own account: a new password, and which sessions there are."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import PasswordRefusedError, SessionExpiredError, SessionNotFoundError
from libs.common.security_events import SecurityEvent, record_security_event
from services.gateway import account_repository, erasures
from services.gateway.account_repository import ListedSession
from services.gateway.account_schemas import (
    OwnSession,
    OwnSessions,
    PasswordChange,
    Session,
    SessionsEnded,
)
from services.gateway.auth import answer_with_session
from services.gateway.client_address import client_address
from services.gateway.clients import Client
from services.gateway.parts import Parts, SignedIn, TheParts
from services.gateway.password_policy import check_new_password
from services.gateway.reauthentication import check_password_again
from services.gateway.repository import ActiveSession, Membership
from services.gateway.sessions import NewSession

router = APIRouter(prefix="/api/auth", tags=["account"])


@router.post(
    "/password",
    response_model=Session,
    summary="Change the password",
    description="Ends all other sessions of the user and gives this one a new token. Other "
    "browsers are strangers again for the limits of failed sign-ins.",
)
async def change_password(
    change: PasswordChange,
    request: Request,
    response: Response,
    session: SignedIn,
    parts: TheParts,
) -> Session:
    await check_password_again(parts, request, session, change.current_password)
    _check_acceptable(change, request, session, parts)
    hashed = await parts.passwords.hash(change.new_password)
    started, version, ended = await _set_password(request, session, parts, hashed)
    _record(SecurityEvent.PASSWORD_CHANGED, request, session, parts)
    _record(SecurityEvent.SESSIONS_ENDED, request, session, parts, sessions=ended)
    return answer_with_session(request, response, parts, started, credentials_version=version)


@router.get("/sessions", response_model=OwnSessions, summary="Where the user is signed in")
async def read_sessions(session: SignedIn, parts: TheParts) -> OwnSessions:
    now = utc_now()
    seen_since = parts.sessions.seen_since(now)
    async with transaction(parts.engine) as tx:
        found = await account_repository.sessions_of(tx, session.user_id)
    valid = [one for one in found if one.expires_at > now and one.last_seen_at > seen_since]
    return OwnSessions(sessions=[_shape(one, session) for one in valid])


@router.delete(
    "/sessions",
    response_model=SessionsEnded,
    summary="End all other sessions of the user",
)
async def end_other_sessions(request: Request, session: SignedIn, parts: TheParts) -> SessionsEnded:
    async with transaction(parts.engine) as tx:
        ended = await account_repository.end_sessions(tx, session.user_id, but=session.id)
    _record(SecurityEvent.SESSIONS_ENDED, request, session, parts, sessions=ended)
    return SessionsEnded(ended=ended)


@router.delete(
    "/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End one session of the user",
)
async def end_one_session(
    session_id: Annotated[UUID, Path(description="`id` of a session in the list.")],
    request: Request,
    session: SignedIn,
    parts: TheParts,
) -> Response:
    async with transaction(parts.engine) as tx:
        if not await account_repository.end_session(tx, session.user_id, session_id):
            raise SessionNotFoundError("This session has ended already.")
    _record(SecurityEvent.SESSIONS_ENDED, request, session, parts, sessions=1)
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    if session_id == session.id:
        parts.cookies.clear_session(response)
        parts.cookies.clear_claim(response)
    return response


def _check_acceptable(
    change: PasswordChange, request: Request, session: ActiveSession, parts: Parts
) -> None:
    """Raises PasswordRefusedError."""
    try:
        check_new_password(
            change.new_password,
            session.username,
            session.shop_domain,
            current=change.current_password,
        )
    except PasswordRefusedError:
        _record(SecurityEvent.PASSWORD_REFUSED, request, session, parts)
        raise


async def _set_password(
    request: Request, session: ActiveSession, parts: Parts, hashed: str
) -> tuple[NewSession, int, int]:
    """The renewed session, the version of the new password, and how many sessions ended."""
    async with transaction(parts.engine) as tx:
        # The tenant's lock comes before the user's, as in an erasure.
        await erasures.hold_open(tx, session.tenant_id, session.shop_domain)
        account = await account_repository.lock_account(tx, session.user_id)
        # Whoever ended this session while the password was hashed has the last word.
        if account is None or not await account_repository.end_session(
            tx, session.user_id, session.id
        ):
            raise SessionExpiredError("Sign in to continue: the session has ended.")
        ended = await account_repository.end_sessions(tx, session.user_id)
        await account_repository.set_password(tx, session.user_id, hashed)
        membership = Membership(
            session.tenant_id, session.user_id, session.shop_domain, session.role
        )
        client = Client.of(request, parts.settings.trusted_proxies)
        started = await parts.sessions.start(tx, session.username, membership, None, client)
    return started, account.credentials_version + 1, ended


def _shape(listed: ListedSession, session: ActiveSession) -> OwnSession:
    return OwnSession(
        id=listed.id,
        is_current=listed.id == session.id,
        device=listed.device,
        network=listed.network,
        created_at=listed.created_at,
        last_seen_at=listed.last_seen_at,
        expires_at=listed.expires_at,
    )


def _record(
    event: SecurityEvent,
    request: Request,
    session: ActiveSession,
    parts: Parts,
    *,
    sessions: int | None = None,
) -> None:
    record_security_event(
        event,
        who=session.username,
        address=client_address(request.scope, parts.settings.trusted_proxies),
        user_id=str(session.user_id),
        tenant_id=str(session.tenant_id),
        sessions=sessions,
    )
