"""Who calls whom inside: a caller token is a JWT, signed with the caller's own Ed25519 key.

It names the caller, one audience, the tenant and user it acts for, and the one request it was made
for: method, target and body. It lives 15 seconds and is accepted once by each process.
The service that answers decides which callers may ask what.
"""

import hashlib
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr

from libs.common.clock import utc_now
from libs.common.errors import CallerRefusedError, TransientError
from libs.common.settings import key_from_base64

_ALGORITHM = "EdDSA"
_LIFETIME = timedelta(seconds=15)
_LEEWAY = timedelta(seconds=5)
"""How far two machines' clocks may be apart."""

_REMEMBERED_SECONDS = (_LIFETIME + 2 * _LEEWAY).total_seconds()
"""A token that arrives now was made 5 s ahead of our clock at most."""

MAX_REMEMBERED_TOKENS = 200_000
_TOKEN_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it is sent. `target` is the path, encoded as on the wire, and the query."""

    method: str
    target: bytes
    body: bytes = b""

    @classmethod
    def of(cls, method: str, raw_path: bytes, query: bytes, body: bytes) -> "Call":
        return cls(method.upper(), raw_path + b"?" + query if query else raw_path, body)

    def digest(self) -> str:
        """Neither a method nor a target can hold the line's end that parts them from the body."""
        line = self.method.encode() + b" " + self.target + b"\n"
        return hashlib.sha256(line + self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """One internal call: which service asks, and for whom."""

    caller: str
    tenant_id: UUID | None = None
    user_id: UUID | None = None

    def tenant(self) -> UUID:
        """The tenant the call is for. Raises CallerRefusedError when it names none."""
        if self.tenant_id is None:
            raise _refused("the call must name a tenant", "tenant_missing")
        return self.tenant_id


class TokenSigner:
    """Signs short-lived tokens as one service."""

    def __init__(self, issuer: str, private_key: SecretStr) -> None:
        self._issuer = issuer
        seed = key_from_base64(private_key.get_secret_value())
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def caller_token(
        self,
        audience: str,
        call: Call,
        *,
        tenant_id: UUID | None = None,
        user_id: UUID | None = None,
    ) -> str:
        """A token for `call` and no other."""
        claims = {
            "jti": secrets.token_urlsafe(_TOKEN_ID_BYTES),
            "call": call.digest(),
            "tenant": _text(tenant_id),
            "user": _text(user_id),
        }
        return self.sign(audience, claims, lifetime=_LIFETIME)

    def sign(self, audience: str, claims: Mapping[str, Any], *, lifetime: timedelta) -> str:
        now = utc_now()
        standard = {"iss": self._issuer, "aud": audience, "iat": now, "exp": now + lifetime}
        return jwt.encode({**claims, **standard}, self._key, algorithm=_ALGORITHM)


class TokenVerifier:
    """Checks tokens that were made for one audience by services whose keys are known.

    What was used is remembered by this object alone: another process would take a token again,
    within its 15 seconds and for the same request.
    """

    def __init__(self, audience: str, public_keys: Mapping[str, str]) -> None:
        self._audience = audience
        self._keys = {
            name: Ed25519PublicKey.from_public_bytes(key_from_base64(key))
            for name, key in public_keys.items()
        }
        self._used = _UsedTokens()

    def caller(self, token: str, allowed: frozenset[str], call: Call) -> CallerIdentity:
        """The identity in `token`, which no further call can use.

        Raises CallerRefusedError when it is invalid, used, not `allowed` or not for `call`.
        """
        claims = self.verify(token, allowed)
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not token_id:
            raise _refused("the token has no id", "token_invalid")
        if claims["exp"] - claims["iat"] > _LIFETIME.total_seconds():
            raise _refused("the token lives too long", "token_lifetime")
        if claims.get("call") != call.digest():
            raise _refused("the token is for another request", "other_request")
        identity = CallerIdentity(
            caller=str(claims["iss"]),
            tenant_id=_uuid(claims.get("tenant")),
            user_id=_uuid(claims.get("user")),
        )
        self._used.add(f"{identity.caller} {token_id}")
        return identity

    def verify(self, token: str, allowed: frozenset[str]) -> Mapping[str, Any]:
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
            key = self._keys.get(issuer)
            if key is None:
                raise _refused("this caller is not known", "caller_unknown")
            if issuer not in allowed:
                raise _refused("this caller may not ask that", "caller_not_allowed")
            return jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                leeway=_LEEWAY,
                options={"require": ["iss", "aud", "iat", "exp"]},
            )
        except jwt.InvalidTokenError as error:
            raise _refused("the token is not valid", "token_invalid") from error


class _UsedTokens:
    """The ids of tokens that were used, for as long as one could be used again."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._oldest_first: deque[tuple[float, str]] = deque()

    def add(self, token_id: str) -> None:
        """Raises CallerRefusedError for one that is known, TransientError when there are too many.

        Only genuine tokens come here: a stranger cannot fill it.
        """
        now = time.monotonic()
        while self._oldest_first and now - self._oldest_first[0][0] > _REMEMBERED_SECONDS:
            self._seen.discard(self._oldest_first.popleft()[1])
        if token_id in self._seen:
            raise _refused("the token was used before", "token_used")
        if len(self._seen) >= MAX_REMEMBERED_TOKENS:
            raise TransientError("Too many calls at this moment.")
        self._seen.add(token_id)
        self._oldest_first.append((now, token_id))


def _refused(message: str, reason: str) -> CallerRefusedError:
    return CallerRefusedError(message, reason=reason)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _uuid(value: object) -> UUID | None:
    try:
        return None if value is None else UUID(str(value))
    except ValueError:
        raise _refused("the token is not valid", "token_invalid") from None
