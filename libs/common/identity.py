"""Who calls whom inside: a caller token is a JWT, signed with the caller's own Ed25519 key.

It names the caller, one audience, and the tenant and user it acts for, and lives 60 seconds.
The service that answers decides which callers may ask what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr

from libs.common.clock import utc_now
from libs.common.errors import CallerRefusedError
from libs.common.settings import key_from_base64

_ALGORITHM = "EdDSA"
_LIFETIME = timedelta(seconds=60)
_LEEWAY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """One internal call: which service asks, and for whom."""

    caller: str
    tenant_id: UUID | None = None
    user_id: UUID | None = None

    def tenant(self) -> UUID:
        """The tenant the call is for. Raises CallerRefusedError when it names none."""
        if self.tenant_id is None:
            raise CallerRefusedError("the call must name a tenant")
        return self.tenant_id


class TokenSigner:
    """Signs short-lived tokens as one service."""

    def __init__(self, issuer: str, private_key: SecretStr) -> None:
        self._issuer = issuer
        seed = key_from_base64(private_key.get_secret_value())
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def caller_token(
        self, audience: str, *, tenant_id: UUID | None = None, user_id: UUID | None = None
    ) -> str:
        claims = {"tenant": _text(tenant_id), "user": _text(user_id)}
        return self.sign(audience, claims, lifetime=_LIFETIME)

    def sign(self, audience: str, claims: Mapping[str, Any], *, lifetime: timedelta) -> str:
        now = utc_now()
        standard = {"iss": self._issuer, "aud": audience, "iat": now, "exp": now + lifetime}
        return jwt.encode({**claims, **standard}, self._key, algorithm=_ALGORITHM)


class TokenVerifier:
    """Checks tokens that were made for one audience by services whose keys are known."""

    def __init__(self, audience: str, public_keys: Mapping[str, str]) -> None:
        self._audience = audience
        self._keys = {
            name: Ed25519PublicKey.from_public_bytes(key_from_base64(key))
            for name, key in public_keys.items()
        }

    def caller(self, token: str, allowed: frozenset[str]) -> CallerIdentity:
        """The identity in `token`; CallerRefusedError when it is invalid or not `allowed`."""
        claims = self.verify(token, allowed)
        return CallerIdentity(
            caller=str(claims["iss"]),
            tenant_id=_uuid(claims.get("tenant")),
            user_id=_uuid(claims.get("user")),
        )

    def verify(self, token: str, allowed: frozenset[str]) -> Mapping[str, Any]:
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
            key = self._keys.get(issuer)
            if issuer not in allowed or key is None:
                raise CallerRefusedError("this caller may not ask that", caller=issuer)
            return jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                leeway=_LEEWAY,
                options={"require": ["iss", "aud", "iat", "exp"]},
            )
        except jwt.InvalidTokenError as error:
            raise CallerRefusedError("the token is not valid") from error


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _uuid(value: object) -> UUID | None:
    try:
        return None if value is None else UUID(str(value))
    except ValueError:
        raise CallerRefusedError("the token is not valid") from None
