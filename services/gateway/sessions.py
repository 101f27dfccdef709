"""Sessions: a random token in the browser, its HMAC in the database, 24 hours and no longer.

A session that is not used ends before that. The token ends with a check that only this service can
make: a made-up one is refused without asking the database, and so is one that was refused before.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import SessionExpiredError
from services.gateway import account_repository, erasures, repository
from services.gateway.clients import UNKNOWN_CLIENT, Client
from services.gateway.repository import ActiveSession, Membership

LIFETIME = timedelta(hours=24)
MAX_SESSIONS_PER_USER = 20
_TOKEN_BYTES = 32
_CHECK_BYTES = 12
_CHECK_CHARACTERS = 16
_SEEN_PRECISION = timedelta(minutes=1)
_MAX_REFUSED = 10_000


@dataclass(frozen=True, slots=True)
class NewSession:
    """The only moment at which the token exists on our side."""

    token: str
    session: ActiveSession


class SessionStore:
    """A session ends `idle_limit` after its last request, and in any case after LIFETIME."""

    def __init__(self, engine: AsyncEngine, secret: SecretStr, idle_limit: timedelta) -> None:
        self._engine = engine
        self._key = secret.get_secret_value().encode()
        self._check_key = hmac.digest(self._key, b"session check", hashlib.sha256)
        self._idle_limit = idle_limit
        self._refused: dict[bytes, None] = {}

    async def start(
        self,
        tx: Transaction,
        username: str,
        membership: Membership,
        old_token: str | None,
        client: Client = UNKNOWN_CLIENT,
    ) -> NewSession:
        """A session with a new token. The one of `old_token` ends, and so do expired ones, and
        those of the user that were not seen for longest when there are too many.

        Raises TenantErasureScheduledError when the tenant is to be erased.
        """
        await erasures.hold_open(tx, membership.tenant_id, membership.shop_domain)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        token = self.with_check(token)
        now = utc_now()
        if old_token:
            await repository.delete_session(tx, self._hash(old_token))
        await repository.delete_expired_sessions(tx, now, self.seen_since(now))
        user_id = membership.user_id
        await account_repository.end_oldest_sessions(tx, user_id, MAX_SESSIONS_PER_USER - 1)
        session = ActiveSession(
            id=await repository.add_session(
                tx, self._hash(token), membership, now, now + LIFETIME, client
            ),
            user_id=user_id,
            username=username,
            tenant_id=membership.tenant_id,
            shop_domain=membership.shop_domain,
            role=membership.role,
            expires_at=now + LIFETIME,
            last_seen_at=now,
        )
        return NewSession(token, session)

    async def read(self, token: str | None, *, is_used: bool = True) -> ActiveSession:
        """Raises SessionExpiredError when `token` is none, unknown, expired or idle for too long.

        Unless `is_used`, reading does not count as use of the session.
        """
        session = None
        if token and self._has_check(token):
            token_hash = self._hash(token)
            if token_hash not in self._refused:
                session = await self._find(token_hash, is_used=is_used)
        if session is None:
            raise SessionExpiredError("Sign in to continue: there is no session, or it has ended.")
        return session

    async def _find(self, token_hash: bytes, *, is_used: bool) -> ActiveSession | None:
        now = utc_now()
        async with transaction(self._engine) as tx:
            session = await repository.find_session(tx, token_hash, now, self.seen_since(now))
            if session and is_used and session.last_seen_at < now - _SEEN_PRECISION:
                await account_repository.note_seen(tx, session.id, now)
        if session is None:
            self._remember_refused(token_hash)
        return session

    async def end(self, token: str | None) -> ActiveSession | None:
        """The session that was ended, when there was a valid one."""
        try:
            session = await self.read(token, is_used=False)
        except SessionExpiredError:
            return None
        async with transaction(self._engine) as tx:
            await account_repository.end_session(tx, session.user_id, session.id)
        return session

    def seen_since(self, now: datetime) -> datetime:
        """Sessions that were last seen before this have ended."""
        return now - self._idle_limit

    def with_check(self, token: str) -> str:
        return token + self._check(token)

    def _has_check(self, token: str) -> bool:
        random, check = token[:-_CHECK_CHARACTERS], token[-_CHECK_CHARACTERS:]
        return hmac.compare_digest(check.encode(), self._check(random).encode())

    def _check(self, token: str) -> str:
        mac = hmac.digest(self._check_key, token.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac[:_CHECK_BYTES]).decode("ascii")

    def _remember_refused(self, token_hash: bytes) -> None:
        """A session that has ended never comes back."""
        self._refused[token_hash] = None
        if len(self._refused) > _MAX_REFUSED:
            del self._refused[next(iter(self._refused))]

    def _hash(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode(), hashlib.sha256)
