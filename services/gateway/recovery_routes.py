"""What a browser with Shopify's proof may ask and do."""

from fastapi import APIRouter, Request, Response, status

from libs.common.database.transaction import transaction
from libs.common.errors import (
    AccountDisabledError,
    InvalidInputError,
    PlatformError,
    TransientError,
    UsernameTakenError,
)
from libs.common.security_events import SecurityEvent, record_security_event
from services.gateway import accounts, erasures, repository
from services.gateway.account_schemas import Recovery, RecoveryChoice, Session, Takeover
from services.gateway.audit import AuditAction
from services.gateway.auth import answer_with_session
from services.gateway.client_address import client_address
from services.gateway.clients import Client
from services.gateway.parts import Parts, TheParts
from services.gateway.password_policy import check_new_password
from services.gateway.recovery import Candidate, Entry, ProvenOwner, Recovered
from services.gateway.repository import Account
from services.gateway.sign_in_limits import Attempt

router = APIRouter(prefix="/api/auth", tags=["auth"])

_EVENTS = {
    AuditAction.CLAIM_REDEEMED: SecurityEvent.CLAIM_REDEEMED,
    AuditAction.ACCOUNT_RECOVERED: SecurityEvent.ACCOUNT_RECOVERED,
    AuditAction.OWNERSHIP_TAKEN_OVER: SecurityEvent.OWNERSHIP_TAKEN_OVER,
}


@router.get("/recovery", response_model=Recovery, summary="What Shopify's confirmation opens")
async def read_recovery(request: Request, parts: TheParts) -> Recovery:
    proven = parts.proofs.read(parts.cookies.recovery_of(request))
    standing = await parts.recoveries.standing(proven)
    return Recovery(
        shop_domain=proven.shop_domain,
        owner_username=standing.owner and standing.owner.username,
        can_reset=standing.can_reset,
        expires_at=proven.expires_at,
    )


@router.post(
    "/recovery",
    status_code=status.HTTP_201_CREATED,
    response_model=Session,
    summary="Recover the account of a shop, or take its ownership over",
    description="For the account owner at Shopify. `reset` gives the present owner's account a new "
    "password and ends its sessions; it is refused where that account belongs to other shops too. "
    "`takeover` makes another account the owner, a new one or one that exists, with its password: "
    "the former owner loses access to this shop, everybody else has to sign in again, and the "
    "members are told.",
)
async def recover(
    choice: RecoveryChoice, request: Request, response: Response, parts: TheParts
) -> Session:
    try:
        proven = parts.proofs.read(parts.cookies.recovery_of(request))
        recovered = await _recovered(choice, proven, request, parts)
    except (TransientError, InvalidInputError):
        raise
    except PlatformError as error:
        record_security_event(
            SecurityEvent.RECOVERY_REFUSED, address=_address(request, parts), reason=error.code
        )
        raise
    session = recovered.started.session
    record_security_event(
        _EVENTS[recovered.action],
        who=session.username,
        address=_address(request, parts),
        tenant_id=str(session.tenant_id),
        person=proven.person,
    )
    parts.cookies.clear_recovery(response)
    return answer_with_session(
        request,
        response,
        parts,
        recovered.started,
        credentials_version=recovered.credentials_version,
    )


async def _recovered(
    choice: RecoveryChoice, proven: ProvenOwner, request: Request, parts: Parts
) -> Recovered:
    await erasures.follow_oauth(parts.engine, parts.oauth, proven.tenant_id)
    # Spares the work for a proof that is void already.
    standing = await parts.recoveries.standing(proven)
    entry = Entry(
        parts.cookies.session_of(request), Client.of(request, parts.settings.trusted_proxies)
    )
    wanted = choice.root
    if isinstance(wanted, Takeover):
        candidate = await _candidate(wanted, proven, request, parts)
        return await parts.recoveries.take_over(proven, candidate, entry)
    owner = standing.owner.username if standing.owner else ""
    check_new_password(wanted.password, owner, proven.shop_domain)
    hashed = await parts.passwords.hash(wanted.password)
    return await parts.recoveries.reset(proven, hashed, entry)


async def _candidate(
    wanted: Takeover, proven: ProvenOwner, request: Request, parts: Parts
) -> Candidate:
    """Raises UsernameTakenError when the account exists and the password is not its own."""
    username, address = accounts.new_username(wanted.username), _address(request, parts)
    await parts.sign_ins.admit_new_name(str(proven.proof_id), address)
    async with transaction(parts.engine) as tx:
        account = await repository.find_account(tx, username)
    if account is None:
        check_new_password(wanted.password, username, proven.shop_domain)
        candidate = Candidate(username, await parts.passwords.hash(wanted.password))
    else:
        candidate = await _checked(account, wanted.password, address, parts)
    await parts.sign_ins.name_was_free(str(proven.proof_id), address)
    return candidate


async def _checked(account: Account, password: str, address: str, parts: Parts) -> Candidate:
    """Counts as a sign-in of a stranger."""
    attempt = Attempt(account.username, address, None)
    await parts.sign_ins.admit(attempt)
    if not await parts.passwords.matches(password, account.password_hash):
        await parts.sign_ins.failed(attempt)
        raise UsernameTakenError(
            "This user name is taken, and the password is not that of its account. "
            "Choose another user name, or enter the account's own password."
        )
    if account.disabled_at is not None:
        raise AccountDisabledError("This account is disabled. Ask the operator of Tillstream.")
    await parts.sign_ins.succeeded(attempt)
    return Candidate.of(account)


def _address(request: Request, parts: Parts) -> str:
    return client_address(request.scope, parts.settings.trusted_proxies)
