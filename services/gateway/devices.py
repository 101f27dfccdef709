"""The device cookie: this browser has signed in as this user before, so it is no stranger.

It opens nothing. It only gives the browser a budget of failed sign-ins of its own, which nobody
else can use up. A new password makes all cookies before it void.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr

from libs.common.clock import utc_now

LIFETIME = timedelta(days=180)
_FORMAT = struct.Struct(">16s16s16sIQ")
_MAC_BYTES = 32
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Device:
    """`credentials_version` is that of the password with which the browser signed in."""

    id: bytes
    user_id: UUID
    credentials_version: int


class DeviceCookies:
    """Makes and reads the cookie's value, signed with a key derived from `secret`."""

    def __init__(self, secret: SecretStr) -> None:
        self._key = hmac.digest(
            secret.get_secret_value().encode(), b"device cookie", hashlib.sha256
        )

    def issue(
        self, username: str, user_id: UUID, credentials_version: int, before: Device | None
    ) -> str:
        """A browser that was known `before` as this user goes on with the same budget."""
        same = before is not None and before.user_id == user_id
        device_id = before.id if before and same else secrets.token_bytes(_ID_BYTES)
        body = _FORMAT.pack(
            device_id,
            user_id.bytes,
            self._name(username),
            credentials_version,
            int(utc_now().timestamp()),
        )
        return base64.urlsafe_b64encode(body + self._mac(body)).decode("ascii").rstrip("=")

    def read(self, cookie: str | None, username: str) -> Device | None:
        """The device, when the cookie is ours, not too old, and of a user of this name."""
        try:
            decoded = base64.urlsafe_b64decode(f"{cookie or ''}==")
        except (binascii.Error, ValueError):
            return None
        body, mac = decoded[: _FORMAT.size], decoded[_FORMAT.size :]
        if len(body) != _FORMAT.size or not hmac.compare_digest(mac, self._mac(body)):
            return None
        device_id, user_id, name, version, issued_at = _FORMAT.unpack(body)
        age = utc_now().timestamp() - issued_at
        if age > LIFETIME.total_seconds() or not hmac.compare_digest(name, self._name(username)):
            return None
        return Device(device_id, UUID(bytes=user_id), version)

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)[:_MAC_BYTES]

    def _name(self, username: str) -> bytes:
        """Lets a cookie be told from one of another user without asking the database."""
        return hmac.digest(self._key, b"name:" + username.encode(), hashlib.sha256)[:_ID_BYTES]
