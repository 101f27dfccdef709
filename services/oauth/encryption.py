"""Shopify's tokens at rest: AES-256-GCM, bound to one tenant, one field and one key id.

A sealed value is version, length of the key id, key id, 96-bit random nonce, ciphertext with
its tag. Moved to another tenant or another column, or named after another key, it does not open.
Version 1, which was not bound to its key id, still opens; a rotation seals it anew.
"""

import os
from collections.abc import Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from libs.common.errors import EncryptionKeyError
from libs.common.settings import key_from_base64

ACCESS_TOKEN = "access_token"  # noqa: S105 - the name of a field
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a field

_VERSION = 2
_UNBOUND_VERSION = 1
_NONCE_BYTES = 12
_HEADER_BYTES = 2


class Cipher:
    """`keys` is key id to base64; the first seals, all open.

    `header` is how everything begins that is sealed now, and nothing that was sealed otherwise.
    """

    def __init__(self, keys: Mapping[str, SecretStr]) -> None:
        self._keys = {
            name: AESGCM(key_from_base64(key.get_secret_value())) for name, key in keys.items()
        }
        self.key_id = next(iter(self._keys))
        self.header = _header(_VERSION, self.key_id)

    def seal(self, value: SecretStr, tenant_id: UUID, field: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        plain = value.get_secret_value().encode()
        bound_to = self.header + _place(tenant_id, field)
        return self.header + nonce + self._keys[self.key_id].encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, tenant_id: UUID, field: str) -> SecretStr:
        """Raises EncryptionKeyError, with the key's id in its details."""
        if len(sealed) < _HEADER_BYTES or sealed[0] not in (_VERSION, _UNBOUND_VERSION):
            raise _shut("form_unknown", "A stored token is not in a known form.", None)
        name_end = _HEADER_BYTES + sealed[1]
        name = sealed[_HEADER_BYTES:name_end].decode("ascii", "backslashreplace")
        key = self._keys.get(name)
        if key is None:
            text = f"A stored token was sealed with the key {name}, which ENCRYPTION_KEY lacks."
            raise _shut("key_missing", text, name)
        bound_to = _place(tenant_id, field)
        if sealed[0] == _VERSION:
            bound_to = sealed[:name_end] + bound_to
        nonce_end = name_end + _NONCE_BYTES
        nonce, ciphertext = sealed[name_end:nonce_end], sealed[nonce_end:]
        try:
            plain = key.decrypt(nonce, ciphertext, bound_to)
        except (InvalidTag, ValueError):
            text = f"A stored token does not open with the key {name} of ENCRYPTION_KEY."
            raise _shut("key_does_not_fit", text, name) from None
        return SecretStr(plain.decode())


def _header(version: int, key_id: str) -> bytes:
    name = key_id.encode()
    return bytes((version, len(name))) + name


def _place(tenant_id: UUID, field: str) -> bytes:
    return tenant_id.bytes + field.encode()


def _shut(reason: str, text: str, key_id: str | None) -> EncryptionKeyError:
    return EncryptionKeyError(text, details={"reason": reason, "keyId": key_id})
