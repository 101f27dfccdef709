"""The claim: oauth's word, carried by the browser that connected a shop, that it may own it.

It makes one owner, once. Whoever comes later signs in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.failures import ReferenceMissingError
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import (
    CallerRefusedError,
    ClaimInvalidError,
    ClaimNotFoundError,
    ClaimUsedError,
    PlatformError,
    TenantOwnedError,
    UsernameTakenError,
)
from libs.common.identity import TokenVerifier
from libs.common.web.client import ServiceClient
from services.gateway import erasure_repository, erasures, repository
from services.gateway.audit import AuditAction, audit
from services.gateway.clients import Client
from services.gateway.repository import Membership
from services.gateway.sessions import NewSession, SessionStore

AUDIENCE = "gateway:claim"
_ISSUERS = frozenset({"oauth"})
_USED = "This connection has been claimed already. Sign in."
_OWNED = "This shop has an owner already. Sign in as a user of it."
_GONE = "The shop is no longer connected. Connect it again."


@dataclass(frozen=True, slots=True)
class VerifiedClaim:
    id: UUID
    tenant_id: UUID
    shop_domain: str
    expires_at: datetime


class ClaimReader:
    def __init__(self, public_keys: Mapping[str, str]) -> None:
        self._verifier = TokenVerifier(AUDIENCE, public_keys)

    def read(self, token: str | None) -> VerifiedClaim:
        """Raises ClaimNotFoundError without a claim, ClaimInvalidError for a false or old one."""
        if not token:
            raise ClaimNotFoundError("There is no shop waiting for its owner in this browser.")
        try:
            claims = self._verifier.verify(token, _ISSUERS)
            return VerifiedClaim(
                id=UUID(claims["jti"]),
                tenant_id=UUID(claims["tenant"]),
                shop_domain=str(claims["shop"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (CallerRefusedError, KeyError, ValueError, AttributeError) as error:
            raise ClaimInvalidError(
                "The connection can no longer be claimed. Connect the shop again."
            ) from error


async def needs_owner(engine: AsyncEngine, claim: VerifiedClaim) -> bool:
    """Raises ClaimInvalidError when the tenant is erased."""
    async with transaction(engine) as tx:
        await _check_not_erased(tx, claim)
        return not await repository.has_owner(tx, claim.tenant_id)


async def redeem(
    engine: AsyncEngine,
    oauth: ServiceClient,
    sessions: SessionStore,
    claim: VerifiedClaim,
    username: str,
    password_hash: str,
    old_token: str | None,
    client: Client,
) -> NewSession:
    """User, ownership, redeemed claim and session, all or nothing.

    Raises ClaimUsedError, TenantOwnedError or UsernameTakenError; after the last the claim is
    as good as before. ClaimInvalidError or TenantErasureScheduledError when the tenant is erased
    or to be, which oauth is asked; ServiceUnavailableError while oauth is away.
    """
    await erasures.follow_oauth(engine, oauth, claim.tenant_id)
    try:
        async with transaction(engine) as tx:
            owner = await _become_owner(tx, claim, username, password_hash)
            return await sessions.start(tx, username, owner, old_token, client)
    except ReferenceMissingError as error:
        # The only key that can fail is the tenant's: it was erased since.
        raise ClaimInvalidError(_GONE) from error


async def check_redeemable(engine: AsyncEngine, claim: VerifiedClaim) -> None:
    """Spares the work for a claim that is void already. The last word is said when redeeming."""
    async with transaction(engine) as tx:
        await _check_not_erased(tx, claim)
        if refusal := await _refusal(tx, claim):
            raise refusal


async def _become_owner(
    tx: Transaction, claim: VerifiedClaim, username: str, password_hash: str
) -> Membership:
    await _check_not_erased(tx, claim)
    await erasures.hold_open(tx, claim.tenant_id, claim.shop_domain)
    user_id = await repository.add_user(tx, username, password_hash)
    if user_id is None:
        raise await _refusal(tx, claim) or UsernameTakenError(
            "This username is taken. Choose another one."
        )
    owner = Membership(claim.tenant_id, user_id, claim.shop_domain, "owner")
    if not await repository.add_owner(tx, owner):
        raise await _refusal(tx, claim) or TenantOwnedError(_OWNED)
    if not await repository.mark_redeemed(tx, claim.id, claim.tenant_id, user_id, utc_now()):
        raise ClaimUsedError(_USED)
    await audit(tx, claim.tenant_id, user_id, AuditAction.CLAIM_REDEEMED, username=username)
    return owner


async def _check_not_erased(tx: Transaction, claim: VerifiedClaim) -> None:
    """The tombstone is noted with the tenant's tenancy.tenants row still there: ours goes first."""
    await erasure_repository.lock_tenant_shared(tx, claim.tenant_id)
    erasure = await erasure_repository.find_tenant_erasure(tx, claim.tenant_id)
    if erasure and erasure.state in ("running", "erased"):
        raise ClaimInvalidError(_GONE)


async def _refusal(tx: Transaction, claim: VerifiedClaim) -> PlatformError | None:
    if await repository.is_redeemed(tx, claim.id):
        return ClaimUsedError(_USED)
    if await repository.has_owner(tx, claim.tenant_id):
        return TenantOwnedError(_OWNED)
    return None
