"""Signing in and out, and redeeming a claim."""

from dataclasses import replace

from fastapi import APIRouter, Request, Response, status

from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import (
    AccountDisabledError,
    ClaimInvalidError,
    ClaimNotFoundError,
    InvalidCredentialsError,
    PlatformError,
)
from libs.common.security_events import SecurityEvent, record_security_event
from services.gateway import account_repository, accounts, claims, erasures, repository
from services.gateway.account_schemas import Claim, Credentials, Session, SessionTenant, SessionUser
from services.gateway.claims import VerifiedClaim
from services.gateway.client_address import client_address
from services.gateway.clients import Client
from services.gateway.parts import Parts, SignedIn, TheParts
from services.gateway.password_policy import check_new_password
from services.gateway.repository import Account, ActiveSession, Membership
from services.gateway.sessions import NewSession
from services.gateway.sign_in_limits import Attempt

router = APIRouter(prefix="/api/auth", tags=["auth"])


@router.post("/login", response_model=Session, summary="Sign in")
async def log_in(
    credentials: Credentials, request: Request, response: Response, parts: TheParts
) -> Session:
    claim = _claim_or_none(request, parts)
    attempt = _attempt(request, parts, credentials)
    account, attempt = await _checked_account(parts, attempt, credentials.password)
    async with transaction(parts.engine) as tx:
        members = await repository.memberships_of(tx, account.id)
    if not members:
        raise _refused(attempt, "no_shop")
    membership = _active(await erasures.open_among(parts.engine, parts.oauth, members), claim)
    async with transaction(parts.engine) as tx:
        # The tenant's lock comes before the user's, as in an erasure.
        await erasures.hold_open(tx, membership.tenant_id, membership.shop_domain)
        await _check_unchanged(tx, account, attempt)
        started = await parts.sessions.start(
            tx,
            account.username,
            membership,
            parts.cookies.session_of(request),
            Client.of(request, parts.settings.trusted_proxies),
        )
    await parts.sign_ins.succeeded(attempt)
    _record(SecurityEvent.SIGNED_IN, request, parts, started.session)
    if claim and claim.tenant_id == started.session.tenant_id:
        parts.cookies.clear_claim(response)
    return answer_with_session(
        request, response, parts, started, credentials_version=account.credentials_version
    )


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, summary="Sign out")
async def log_out(request: Request, parts: TheParts) -> Response:
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    if session := await parts.sessions.end(parts.cookies.session_of(request)):
        _record(SecurityEvent.SIGNED_OUT, request, parts, session)
    parts.cookies.clear_session(response)
    # Whoever uses this browser next must not become the owner of a shop that waits for one.
    parts.cookies.clear_claim(response)
    parts.cookies.clear_recovery(response)
    return response


@router.get("/session", response_model=Session, summary="Who is signed in")
async def read_session(session: SignedIn) -> Session:
    return _session_shape(session)


@router.get("/claim", response_model=Claim, summary="The connection waiting for its owner")
async def read_claim(request: Request, parts: TheParts) -> Claim:
    claim = parts.claims.read(parts.cookies.claim_of(request))
    return Claim(
        tenant_id=claim.tenant_id,
        shop_domain=claim.shop_domain,
        needs_owner=await claims.needs_owner(parts.engine, claim),
        expires_at=claim.expires_at,
    )


@router.post(
    "/claim",
    status_code=status.HTTP_201_CREATED,
    response_model=Session,
    summary="Become the owner of a connected shop",
)
async def redeem_claim(
    credentials: Credentials, request: Request, response: Response, parts: TheParts
) -> Session:
    claim: VerifiedClaim | None = None
    try:
        claim = parts.claims.read(parts.cookies.claim_of(request))
        started = await _redeem(claim, credentials, request, parts)
    except PlatformError as error:
        record_security_event(
            SecurityEvent.CLAIM_REFUSED,
            address=client_address(request.scope, parts.settings.trusted_proxies),
            reason=error.code,
            tenant_id=claim and str(claim.tenant_id),
        )
        raise
    _record(SecurityEvent.CLAIM_REDEEMED, request, parts, started.session)
    parts.cookies.clear_claim(response)
    return answer_with_session(request, response, parts, started, credentials_version=1)


async def _redeem(
    claim: VerifiedClaim, credentials: Credentials, request: Request, parts: Parts
) -> NewSession:
    await claims.check_redeemable(parts.engine, claim)
    username = accounts.new_username(credentials.username)
    check_new_password(credentials.password, username, claim.shop_domain)
    address = client_address(request.scope, parts.settings.trusted_proxies)
    await parts.sign_ins.admit_new_name(str(claim.id), address)
    started = await claims.redeem(
        parts.engine,
        parts.oauth,
        parts.sessions,
        claim,
        username,
        await parts.passwords.hash(credentials.password),
        parts.cookies.session_of(request),
        Client.of(request, parts.settings.trusted_proxies),
    )
    await parts.sign_ins.name_was_free(str(claim.id), address)
    return started


def _attempt(request: Request, parts: Parts, credentials: Credentials) -> Attempt:
    # A text that can be no user name is nobody's, and is counted as one name with all others.
    username = accounts.normalised_username(credentials.username) or ""
    address = client_address(request.scope, parts.settings.trusted_proxies)
    device = parts.devices.read(parts.cookies.device_of(request), username)
    return Attempt(username, address, device)


async def _checked_account(
    parts: Parts, attempt: Attempt, password: str
) -> tuple[Account, Attempt]:
    """Raises InvalidCredentialsError, in the same time whether or not there is such a user."""
    await parts.sign_ins.admit(attempt)
    async with transaction(parts.engine) as tx:
        account = await repository.find_account(tx, attempt.username)
    if attempt.device and not _is_known(account, attempt):
        # Signed in before the newest password was set, or as a user who is gone.
        attempt = replace(attempt, device=None)
        await parts.sign_ins.admit(attempt)
    stored = account.password_hash if account else None
    fits = await parts.passwords.matches(password, stored)
    if account is None or not fits:
        await parts.sign_ins.failed(attempt)
        raise _refused(attempt, "wrong_credentials")
    if accounts.is_outdated(account.password_hash):
        hashed = await parts.passwords.hash(password)
        async with transaction(parts.engine) as tx:
            await account_repository.replace_hash(tx, account.id, account.password_hash, hashed)
    return account, attempt


def _is_known(account: Account | None, attempt: Attempt) -> bool:
    device = attempt.device
    return (
        account is not None
        and device is not None
        and (device.user_id, device.credentials_version)
        == (account.id, account.credentials_version)
    )


async def _check_unchanged(tx: Transaction, account: Account, attempt: Attempt) -> None:
    """Holds off a new password, and refuses when one was set since this one was checked."""
    now = await account_repository.lock_account(tx, account.id)
    if now is None or now.credentials_version != account.credentials_version:
        raise _refused(attempt, "wrong_credentials")
    if now.disabled_at is not None:
        _record_refusal(attempt, "disabled")
        raise AccountDisabledError("This account is disabled. Ask the operator of Tillstream.")


def _refused(attempt: Attempt, reason: str) -> InvalidCredentialsError:
    _record_refusal(attempt, reason)
    return InvalidCredentialsError("Incorrect username or password.")


def _record_refusal(attempt: Attempt, reason: str) -> None:
    record_security_event(
        SecurityEvent.SIGN_IN_REFUSED,
        who=attempt.username,
        address=attempt.address,
        reason=reason,
        known_browser=attempt.device is not None,
    )


def _record(event: SecurityEvent, request: Request, parts: Parts, session: ActiveSession) -> None:
    record_security_event(
        event,
        who=session.username,
        address=client_address(request.scope, parts.settings.trusted_proxies),
        user_id=str(session.user_id),
        tenant_id=str(session.tenant_id),
    )


def _active(members: list[Membership], claim: VerifiedClaim | None) -> Membership:
    """The shop that was connected just now, when the user belongs to it; else the oldest."""
    for membership in members:
        if claim and membership.tenant_id == claim.tenant_id:
            return membership
    return members[0]


def _claim_or_none(request: Request, parts: Parts) -> VerifiedClaim | None:
    try:
        return parts.claims.read(parts.cookies.claim_of(request))
    except (ClaimNotFoundError, ClaimInvalidError):
        return None


def answer_with_session(
    request: Request,
    response: Response,
    parts: Parts,
    started: NewSession,
    *,
    credentials_version: int,
) -> Session:
    """Signs the browser in, and makes it a known one of the user."""
    session = started.session
    before = parts.devices.read(parts.cookies.device_of(request), session.username)
    device = parts.devices.issue(session.username, session.user_id, credentials_version, before)
    parts.cookies.set_session(response, started.token)
    parts.cookies.set_device(response, device)
    return _session_shape(session)


def _session_shape(session: ActiveSession) -> Session:
    return Session(
        user=SessionUser(id=session.user_id, username=session.username),
        tenant=SessionTenant(
            id=session.tenant_id, shop_domain=session.shop_domain, role=session.role
        ),
        expires_at=session.expires_at,
    )
