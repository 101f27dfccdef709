"""Sessions: a random token in the browser, its HMAC in the database, 24 hours and no longer."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import SessionExpiredError
from services.gateway import erasures, repository
from services.gateway.repository import ActiveSession, Membership

LIFETIME = timedelta(hours=24)
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class NewSession:
    """The only moment at which the token exists on our side."""

    token: str
    session: ActiveSession


class SessionStore:
    def __init__(self, engine: AsyncEngine, secret: SecretStr) -> None:
        self._engine = engine
        self._key = secret.get_secret_value().encode()

    async def start(
        self, tx: Transaction, username: str, membership: Membership, old_token: str | None
    ) -> NewSession:
        """A session with a new token; the one of `old_token` ends, and so do expired ones.

        Raises TenantErasureScheduledError when the tenant is to be erased.
        """
        await erasures.hold_open(tx, membership.tenant_id, membership.shop_domain)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = utc_now()
        if old_token:
            await repository.delete_session(tx, self._hash(old_token))
        await repository.delete_expired_sessions(tx, now)
        await repository.add_session(tx, self._hash(token), membership, now, now + LIFETIME)
        session = ActiveSession(
            user_id=membership.user_id,
            username=username,
            tenant_id=membership.tenant_id,
            shop_domain=membership.shop_domain,
            role=membership.role,
            expires_at=now + LIFETIME,
        )
        return NewSession(token, session)

    async def read(self, token: str | None) -> ActiveSession:
        """Raises SessionExpiredError when `token` is none, unknown or expired."""
        if token:
            async with transaction(self._engine) as tx:
                session = await repository.find_session(tx, self._hash(token), utc_now())
            if session is not None:
                return session
        raise SessionExpiredError("Sign in to go on: there is no session, or it has ended.")

    async def end(self, token: str | None) -> None:
        if token:
            async with transaction(self._engine) as tx:
                await repository.delete_session(tx, self._hash(token))

    def _hash(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode(), hashlib.sha256)
