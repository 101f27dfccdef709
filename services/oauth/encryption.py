"""Shopify's tokens at rest: AES-256-GCM, bound to one tenant and one field.

A sealed value is version, length of the key id, key id, 96-bit random nonce, ciphertext with
its tag. Moved to another tenant or another column, it does not open.
"""

import os
from collections.abc import Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from libs.common.errors import PermanentError
from libs.common.settings import key_from_base64

ACCESS_TOKEN = "access_token"  # noqa: S105 - the name of a field
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a field

_VERSION = 1
_NONCE_BYTES = 12
_HEADER_BYTES = 2


class SealedValueError(PermanentError):
    """A sealed value does not open: altered, moved, or its key is not among ours."""


class Cipher:
    """`keys` is key id to base64; the first seals, all open."""

    def __init__(self, keys: Mapping[str, SecretStr]) -> None:
        self._keys = {
            name: AESGCM(key_from_base64(key.get_secret_value())) for name, key in keys.items()
        }
        self._first = next(iter(self._keys))

    def seal(self, value: SecretStr, tenant_id: UUID, field: str) -> bytes:
        name = self._first.encode()
        nonce = os.urandom(_NONCE_BYTES)
        plain = value.get_secret_value().encode()
        sealed = self._keys[self._first].encrypt(nonce, plain, _bound_to(tenant_id, field))
        return bytes((_VERSION, len(name))) + name + nonce + sealed

    def open(self, sealed: bytes, tenant_id: UUID, field: str) -> SecretStr:
        """Raises SealedValueError."""
        if len(sealed) < _HEADER_BYTES or sealed[0] != _VERSION:
            raise SealedValueError("a stored token is not in a known form")
        name_end = _HEADER_BYTES + sealed[1]
        name = sealed[_HEADER_BYTES:name_end].decode("ascii", "replace")
        key = self._keys.get(name)
        if key is None:
            raise SealedValueError("a stored token needs a key that ENCRYPTION_KEY lacks")
        nonce_end = name_end + _NONCE_BYTES
        nonce, ciphertext = sealed[name_end:nonce_end], sealed[nonce_end:]
        try:
            plain = key.decrypt(nonce, ciphertext, _bound_to(tenant_id, field))
        except (InvalidTag, ValueError):
            raise SealedValueError("a stored token does not open") from None
        return SecretStr(plain.decode())


def _bound_to(tenant_id: UUID, field: str) -> bytes:
    return tenant_id.bytes + field.encode()
