"""Recovery by the shop itself: oauth's word, carried by a browser, that its user is the account
owner of the shop at Shopify.

That person decides over this tenant and over nothing else: an account that belongs to other
tenants too is not theirs to reset. Then, or after a sale, another account becomes the owner.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.failures import ConcurrentWriteError, ReferenceMissingError
from libs.common.database.transaction import (
    Transaction,
    in_transaction,
    transaction,
)
from libs.common.errors import (
    CallerRefusedError,
    InvalidCredentialsError,
    RecoveryInvalidError,
    RecoveryNotFoundError,
    RecoveryUsedError,
    ResetNotPossibleError,
    UsernameTakenError,
)
from libs.common.identity import TokenVerifier
from services.gateway import (
    account_repository,
    erasure_repository,
    erasures,
    recovery_repository,
    repository,
)
from services.gateway.audit import AuditAction, audit
from services.gateway.clients import Client
from services.gateway.recovery_repository import Owner
from services.gateway.repository import Account, Membership
from services.gateway.sessions import NewSession, SessionStore

AUDIENCE = "gateway:recovery"
_ISSUERS = frozenset({"oauth"})


@dataclass(frozen=True, slots=True)
class ProvenOwner:
    """`person` names whoever proved it to our logs alone: a keyed hash."""

    proof_id: UUID
    tenant_id: UUID
    shop_domain: str
    person: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What the proof opens: without `owner` nobody owns the tenant."""

    owner: Owner | None
    can_reset: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """The browser that comes in: the session it had, and what it says of itself."""

    old_token: str | None
    client: Client


@dataclass(frozen=True, slots=True)
class Recovered:
    action: AuditAction
    started: NewSession
    credentials_version: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who is to own the tenant: an account whose password was checked, or a new one."""

    username: str
    password_hash: str
    credentials_version: int = 1
    id: UUID | None = None

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account.username, account.password_hash, account.credentials_version, account.id)


class RecoveryReader:
    def __init__(self, public_keys: Mapping[str, str]) -> None:
        self._verifier = TokenVerifier(AUDIENCE, public_keys)

    def read(self, token: str | None) -> ProvenOwner:
        """Raises RecoveryNotFoundError without a proof, RecoveryInvalidError for a false or old
        one.
        """
        if not token:
            raise RecoveryNotFoundError("Prove first at Shopify that you are the store owner.")
        try:
            claims = self._verifier.verify(token, _ISSUERS)
            return ProvenOwner(
                proof_id=UUID(claims["jti"]),
                tenant_id=UUID(claims["tenant"]),
                shop_domain=str(claims["shop"]),
                person=str(claims["person"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (CallerRefusedError, KeyError, ValueError, AttributeError) as error:
            raise RecoveryInvalidError(
                "Shopify's confirmation has expired. Confirm again that you are the store owner."
            ) from error


class Recoveries:
    """Each change is one transaction with the use of the proof: all of it or nothing."""

    def __init__(self, engine: AsyncEngine, sessions: SessionStore) -> None:
        self._engine = engine
        self._sessions = sessions

    async def standing(self, proven: ProvenOwner) -> Standing:
        """Raises RecoveryUsedError. The last word is said by the change."""
        async with transaction(self._engine) as tx:
            if await recovery_repository.is_used(tx, proven.proof_id):
                raise _used()
            owner = await recovery_repository.owner_of(tx, proven.tenant_id)
            can_reset = owner is not None and not await recovery_repository.belongs_elsewhere(
                tx, owner.id, proven.tenant_id
            )
        return Standing(owner, can_reset)

    async def reset(self, proven: ProvenOwner, password_hash: str, entry: Entry) -> Recovered:
        """Give the present owner's account a new password and end all its sessions.

        Raises ResetNotPossibleError, RecoveryUsedError, RecoveryInvalidError.
        """

        async def work(tx: Transaction) -> Recovered:
            await _use(tx, proven)
            owner = await recovery_repository.owner_of(tx, proven.tenant_id)
            if owner is None:
                raise ResetNotPossibleError("This shop has no owner yet. Become its owner instead.")
            # Who is locked gains no membership: what is found next holds to the end.
            account = await account_repository.lock_account(tx, owner.id)
            if account is None or account.disabled_at is not None:
                raise ResetNotPossibleError(
                    "The owner's account is disabled. Take ownership with another account."
                )
            if await recovery_repository.belongs_elsewhere(tx, owner.id, proven.tenant_id):
                raise ResetNotPossibleError(
                    "The owner's account belongs to other shops too, so its password cannot be "
                    "reset from here. Take ownership with another account."
                )
            await account_repository.set_password(tx, owner.id, password_hash)
            await account_repository.end_sessions(tx, owner.id)
            started = await self._end(tx, proven, owner, AuditAction.ACCOUNT_RECOVERED, {}, entry)
            version = account.credentials_version + 1
            return Recovered(AuditAction.ACCOUNT_RECOVERED, started, version)

        return await self._decide(work)

    async def take_over(self, proven: ProvenOwner, candidate: Candidate, entry: Entry) -> Recovered:
        """Make `candidate` the owner. The former one is a member no more; all sessions end.

        Raises UsernameTakenError, InvalidCredentialsError, RecoveryUsedError,
        RecoveryInvalidError.
        """

        async def work(tx: Transaction) -> Recovered:
            await _use(tx, proven)
            former = await recovery_repository.owner_of(tx, proven.tenant_id)
            owner = await _account_of(tx, candidate, former)
            await recovery_repository.end_sessions_of_tenant(tx, proven.tenant_id)
            action, details = _what_it_is(former, owner)
            if former is not None and former.id != owner.id:
                await recovery_repository.remove_member(tx, proven.tenant_id, former.id)
            await _make_owner(tx, proven, owner)
            started = await self._end(tx, proven, owner, action, details, entry)
            return Recovered(action, started, candidate.credentials_version)

        return await self._decide(work)

    async def _end(
        self,
        tx: Transaction,
        proven: ProvenOwner,
        owner: Owner,
        action: AuditAction,
        details: Mapping[str, str],
        entry: Entry,
    ) -> NewSession:
        told = {**details, "username": owner.username, "provenBy": proven.person}
        await audit(tx, proven.tenant_id, owner.id, action, **told)
        await erasures.end_streams(tx, proven.tenant_id)
        membership = Membership(proven.tenant_id, owner.id, proven.shop_domain, "owner")
        return await self._sessions.start(
            tx, owner.username, membership, entry.old_token, entry.client
        )

    async def _decide(self, work: Callable[[Transaction], Awaitable[Recovered]]) -> Recovered:
        try:
            return await in_transaction(self._engine, work)
        except ReferenceMissingError as error:
            # The only key that can fail is the tenant's: it was erased since.
            raise RecoveryInvalidError(
                "The shop is no longer connected. Connect it again."
            ) from error


async def _use(tx: Transaction, proven: ProvenOwner) -> None:
    await erasure_repository.lock_tenant(tx, proven.tenant_id)
    await erasures.hold_open(tx, proven.tenant_id, proven.shop_domain)
    if not await recovery_repository.mark_used(tx, proven.proof_id, proven.tenant_id, utc_now()):
        raise _used()


async def _account_of(tx: Transaction, candidate: Candidate, former: Owner | None) -> Owner:
    """The candidate's account, held as it was when its password was checked."""
    user_id = candidate.id
    if user_id is None:
        user_id = await repository.add_user(tx, candidate.username, candidate.password_hash)
        if user_id is None:
            raise UsernameTakenError("This user name is taken. Choose another one.")
    locked = await recovery_repository.lock_users(
        tx, {user_id} if former is None else {user_id, former.id}
    )
    if locked.get(user_id) != candidate.password_hash:
        raise InvalidCredentialsError("Incorrect username or password.")
    return Owner(user_id, candidate.username)


def _what_it_is(former: Owner | None, owner: Owner) -> tuple[AuditAction, Mapping[str, str]]:
    if former is None:
        return AuditAction.CLAIM_REDEEMED, {}
    if former.id == owner.id:
        return AuditAction.ACCOUNT_RECOVERED, {}
    return AuditAction.OWNERSHIP_TAKEN_OVER, {"formerOwner": former.username}


async def _make_owner(tx: Transaction, proven: ProvenOwner, owner: Owner) -> None:
    if await recovery_repository.promote_member(tx, proven.tenant_id, owner.id):
        return
    membership = Membership(proven.tenant_id, owner.id, proven.shop_domain, "owner")
    if not await repository.add_owner(tx, membership):
        raise ConcurrentWriteError("a claim was redeemed at the same moment")


def _used() -> RecoveryUsedError:
    return RecoveryUsedError("This confirmation has been used already. Sign in, or start again.")
