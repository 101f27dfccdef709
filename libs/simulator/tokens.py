"""One shop's authorization codes and tokens, by Shopify's rules of 2026-08-28.

A code works once. An access token lives an hour. A refresh token lives 90 days, and after its
first use 30 more, but dies as soon as a newer one is used or a new pair is acquired.
A code that is exchanged installs the app; client credentials work while it is installed.
An online code gives a day's token of one person, and leaves the tokens of the shop as they are.
A migration whose answer was lost gives the same pair again, for seven days at most.
"""

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from libs.simulator.approver import AssociatedUser
from libs.simulator.times import now_seconds

ACCESS_SECONDS = 3_600
REFRESH_SECONDS = 7_776_000
CLIENT_SECONDS = 86_399
ONLINE_SECONDS = 86_399
_REUSE_SECONDS = 30 * 86_400
_CODE_SECONDS = 600
_RECOVERY_SECONDS = 7 * 86_400

TOKEN_KINDS = frozenset({"code", "access_token", "refresh_token", "installation", "migration"})
_THE_ONE = ""
"""The key of the installation: a shop has one at most."""

Write = Callable[[str, int | str, object], None]


class Code(msgspec.Struct):
    """`user` is whom an online grant is of."""

    scope: str
    redirect_uri: str
    expires_at: int
    user: AssociatedUser | None = None


class AccessToken(msgspec.Struct):
    """`expires_at` None: the kind that no longer works on the Admin API."""

    scope: str
    expires_at: int | None


class RefreshToken(msgspec.Struct):
    scope: str
    order: int
    expires_at: int


class Installation(msgspec.Struct):
    scope: str


class TokenPair(msgspec.Struct, frozen=True):
    access_token: str
    scope: str
    expires_in: int | None = None
    refresh_token: str | None = None
    refresh_token_expires_in: int | None = None


class OnlineToken(msgspec.Struct, frozen=True):
    """What the token endpoint answers to the code of an online grant."""

    access_token: str
    scope: str
    expires_in: int
    associated_user_scope: str
    associated_user: AssociatedUser


class Migration(msgspec.Struct):
    """What a token that never expired was exchanged for, as long as that can be asked again."""

    pair: TokenPair
    recoverable_until: int


class Tokens:
    def __init__(self, write: Write) -> None:
        self._write = write
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._installations: dict[str, Installation] = {}
        self._migrations: dict[str, Migration] = {}

    @property
    def installed(self) -> bool:
        return _THE_ONE in self._installations

    def issue_code(self, scope: str, redirect_uri: str, user: AssociatedUser | None = None) -> str:
        code = secrets.token_hex(16)
        self._put("code", code, Code(scope, redirect_uri, now_seconds() + _CODE_SECONDS, user))
        return code

    def exchange(self, code: str, *, expiring: bool) -> TokenPair | OnlineToken | None:
        """None when the code is unknown, used or too old. Retires every older refresh token."""
        known = self._codes.get(code)
        if known is None:
            return None
        self._drop("code", code)
        if known.expires_at <= now_seconds():
            return None
        if known.user is not None:
            return self._online(known.scope, known.user)
        self._retire_refresh_tokens()
        self._put("installation", _THE_ONE, Installation(known.scope))
        if expiring:
            return self._pair(known.scope)
        access = self._new_access(known.scope, None)
        return TokenPair(access_token=access, scope=known.scope)

    def _online(self, scope: str, user: AssociatedUser) -> OnlineToken:
        if not self.installed:
            self._put("installation", _THE_ONE, Installation(scope))
        access = self._new_access(scope, now_seconds() + ONLINE_SECONDS)
        return OnlineToken(access, scope, ONLINE_SECONDS, scope, user)

    def migrate(self, token: str) -> TokenPair | None:
        """A pair for a token that never expires, which is revoked; None for any other."""
        known = self._access.get(token)
        if known is None or known.expires_at is not None:
            return self._recovered(token)
        self._drop("access_token", token)
        self._retire_refresh_tokens()
        pair = self._pair(known.scope)
        self._put("migration", token, Migration(pair, now_seconds() + _RECOVERY_SECONDS))
        return pair

    def _recovered(self, token: str) -> TokenPair | None:
        """The pair of an earlier migration of `token`, its access token good for an hour again.

        None once that pair was refreshed or replaced, or a week has passed.
        """
        migration, now = self._migrations.get(token), now_seconds()
        if migration is None or migration.recoverable_until <= now:
            return None
        pair = migration.pair
        self._put("access_token", pair.access_token, AccessToken(pair.scope, now + ACCESS_SECONDS))
        left = self._refresh[pair.refresh_token or ""].expires_at - now
        return msgspec.structs.replace(pair, refresh_token_expires_in=left)

    def client_token(self) -> TokenPair | None:
        """A day's token with the scopes of the installation; None when there is none."""
        installation = self._installations.get(_THE_ONE)
        if installation is None:
            return None
        access = self._new_access(installation.scope, now_seconds() + CLIENT_SECONDS)
        return TokenPair(access, installation.scope, CLIENT_SECONDS)

    def refresh(self, token: str) -> TokenPair | None:
        """A new pair, or None when `token` is no longer active; the merchant must come back."""
        known = self._refresh.get(token)
        if known is None or known.expires_at <= now_seconds():
            return None
        for other, record in list(self._refresh.items()):
            if record.order < known.order:
                self._drop("refresh_token", other)
        self._end_recovery()
        known.expires_at = min(known.expires_at, now_seconds() + _REUSE_SECONDS)
        self._put("refresh_token", token, known)
        return self._pair(known.scope)

    def access(self, token: str) -> AccessToken | None:
        known = self._access.get(token)
        if known is None or (known.expires_at is not None and known.expires_at <= now_seconds()):
            return None
        return known

    def expire_access(self) -> int:
        """Every access token ends now; how many did."""
        for token, known in self._access.items():
            known.expires_at = now_seconds()
            self._put("access_token", token, known)
        return len(self._access)

    def revoke_all(self) -> None:
        for kind, tokens in self._kinds().items():
            for token in list(tokens):
                self._drop(kind, token)

    def replay(self, kind: str, key: str, value: Any) -> None:
        if value is None:
            self._kinds()[kind].pop(key, None)
        elif kind == "code":
            self._codes[key] = msgspec.convert(value, Code)
        elif kind == "access_token":
            self._access[key] = msgspec.convert(value, AccessToken)
        elif kind == "installation":
            self._installations[key] = msgspec.convert(value, Installation)
        elif kind == "migration":
            self._migrations[key] = msgspec.convert(value, Migration)
        else:
            self._refresh[key] = msgspec.convert(value, RefreshToken)

    def _kinds(self) -> dict[str, dict[str, Any]]:
        return {
            "code": self._codes,
            "access_token": self._access,
            "refresh_token": self._refresh,
            "installation": self._installations,
            "migration": self._migrations,
        }

    def _put(self, kind: str, key: str, value: msgspec.Struct) -> None:
        self._kinds()[kind][key] = value
        self._write(kind, key, value)

    def _drop(self, kind: str, key: str) -> None:
        self._kinds()[kind].pop(key, None)
        self._write(kind, key, None)

    def _retire_refresh_tokens(self) -> None:
        self._end_recovery()
        for token in list(self._refresh):
            self._drop("refresh_token", token)

    def _end_recovery(self) -> None:
        for token in list(self._migrations):
            self._drop("migration", token)

    def _forget_expired(self) -> None:
        now = now_seconds()
        for token, known in list(self._access.items()):
            if known.expires_at is not None and known.expires_at <= now:
                self._drop("access_token", token)

    def _new_access(self, scope: str, expires_at: int | None) -> str:
        self._forget_expired()
        token = f"shpat_{secrets.token_hex(16)}"
        self._put("access_token", token, AccessToken(scope, expires_at))
        return token

    def _pair(self, scope: str) -> TokenPair:
        now = now_seconds()
        access = self._new_access(scope, now + ACCESS_SECONDS)
        order = 1 + max((token.order for token in self._refresh.values()), default=0)
        refresh = f"shprt_{secrets.token_hex(16)}"
        self._put("refresh_token", refresh, RefreshToken(scope, order, now + REFRESH_SECONDS))
        return TokenPair(access, scope, ACCESS_SECONDS, refresh, REFRESH_SECONDS)
