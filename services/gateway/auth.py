"""Signing in and out, and redeeming a claim."""

from fastapi import APIRouter, Request, Response, status

from libs.common.database.transaction import transaction
from libs.common.errors import ClaimInvalidError, ClaimNotFoundError, InvalidCredentialsError
from libs.common.logs import get_logger
from services.gateway import accounts, claims, erasures, repository
from services.gateway.claims import VerifiedClaim
from services.gateway.parts import Parts, SignedIn, TheParts
from services.gateway.repository import Account, ActiveSession, Membership
from services.gateway.schemas import Claim, Credentials, Session, SessionTenant, SessionUser
from services.gateway.sessions import NewSession

router = APIRouter(prefix="/api/auth", tags=["auth"])
log = get_logger()


@router.post("/login", response_model=Session, summary="Sign in")
async def log_in(
    credentials: Credentials, request: Request, response: Response, parts: TheParts
) -> Session:
    await parts.limits.check_user_name(request, accounts.normalised_username(credentials.username))
    claim = _claim_or_none(request, parts)
    account = await _checked_account(parts, credentials)
    async with transaction(parts.engine) as tx:
        members = await repository.memberships_of(tx, account.id)
    if not members:
        raise _wrong_credentials()
    membership = _active(await erasures.open_among(parts.engine, parts.oauth, members), claim)
    async with transaction(parts.engine) as tx:
        username = accounts.normalised_username(credentials.username) or ""
        old_token = parts.cookies.session_of(request)
        started = await parts.sessions.start(tx, username, membership, old_token)
    log.info("signed_in", user_id=str(account.id), tenant_id=str(membership.tenant_id))
    if claim and claim.tenant_id == membership.tenant_id:
        parts.cookies.clear_claim(response)
    return answer_with_session(parts, response, started)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, summary="Sign out")
async def log_out(request: Request, parts: TheParts) -> Response:
    await parts.sessions.end(parts.cookies.session_of(request))
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    parts.cookies.clear_session(response)
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
    claim = parts.claims.read(parts.cookies.claim_of(request))
    await claims.check_redeemable(parts.engine, claim)
    username = accounts.new_username(credentials.username)
    await parts.limits.check_user_name(request, username)
    password = accounts.new_password_bytes(credentials.password)
    started = await claims.redeem(
        parts.engine,
        parts.oauth,
        parts.sessions,
        claim,
        username,
        await parts.passwords.hash(password),
        parts.cookies.session_of(request),
    )
    log.info("claim_redeemed", tenant_id=str(claim.tenant_id))
    parts.cookies.clear_claim(response)
    return answer_with_session(parts, response, started)


async def _checked_account(parts: Parts, credentials: Credentials) -> Account:
    """Raises InvalidCredentialsError, in the same time whether or not there is such a user."""
    password = accounts.password_bytes(credentials.password)
    account = None
    if username := accounts.normalised_username(credentials.username):
        async with transaction(parts.engine) as tx:
            account = await repository.find_account(tx, username)
    stored = account.password_hash if account else None
    fits = await parts.passwords.matches(password, stored)
    if account is None or not fits:
        log.info("sign_in_refused")
        raise _wrong_credentials()
    return account


def _wrong_credentials() -> InvalidCredentialsError:
    return InvalidCredentialsError("User name and password do not fit together.")


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


def answer_with_session(parts: Parts, response: Response, started: NewSession) -> Session:
    parts.cookies.set_session(response, started.token)
    return _session_shape(started.session)


def _session_shape(session: ActiveSession) -> Session:
    return Session(
        user=SessionUser(id=session.user_id, username=session.username),
        tenant=SessionTenant(
            id=session.tenant_id, shop_domain=session.shop_domain, role=session.role
        ),
        expires_at=session.expires_at,
    )
