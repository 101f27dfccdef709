"""A token at rest opens only with its key and its name, for its tenant and in its field."""

import base64
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from libs.common.errors import EncryptionKeyError
from services.oauth.encryption import ACCESS_TOKEN, REFRESH_TOKEN, Cipher

TENANT = UUID("0190a0a0-0000-7000-8000-000000000001")
TOKEN = SecretStr("shpat_0123456789abcdef")


def _key(byte: int) -> SecretStr:
    return SecretStr(base64.b64encode(bytes([byte]) * 32).decode())


def _cipher(**keys: int) -> Cipher:
    return Cipher({name: _key(byte) for name, byte in keys.items()})


@given(value=st.text(), tenant=st.uuids(), field=st.sampled_from([ACCESS_TOKEN, REFRESH_TOKEN]))
def test_whatever_is_sealed_opens_to_the_same(value: str, tenant: UUID, field: str):
    cipher = _cipher(k1=1)
    sealed = cipher.seal(SecretStr(value), tenant, field)
    assert cipher.open(sealed, tenant, field).get_secret_value() == value


@given(position=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_one_changed_bit_anywhere_keeps_it_shut(position: int, bit: int):
    cipher = _cipher(k1=1)
    sealed = bytearray(cipher.seal(TOKEN, TENANT, ACCESS_TOKEN))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(EncryptionKeyError):
        cipher.open(bytes(sealed), TENANT, ACCESS_TOKEN)


@given(length=st.integers(min_value=0))
def test_a_value_cut_short_keeps_shut(length: int):
    cipher = _cipher(k1=1)
    sealed = cipher.seal(TOKEN, TENANT, ACCESS_TOKEN)
    with pytest.raises(EncryptionKeyError):
        cipher.open(sealed[: length % len(sealed)], TENANT, ACCESS_TOKEN)


def test_a_value_moved_to_another_tenant_keeps_shut():
    cipher = _cipher(k1=1)
    sealed = cipher.seal(TOKEN, TENANT, ACCESS_TOKEN)
    with pytest.raises(EncryptionKeyError):
        cipher.open(sealed, uuid4(), ACCESS_TOKEN)


def test_a_value_moved_to_another_field_keeps_shut():
    cipher = _cipher(k1=1)
    sealed = cipher.seal(TOKEN, TENANT, ACCESS_TOKEN)
    with pytest.raises(EncryptionKeyError):
        cipher.open(sealed, TENANT, REFRESH_TOKEN)


def test_the_same_value_never_looks_the_same_and_never_shows():
    cipher = _cipher(k1=1)
    sealed = {cipher.seal(TOKEN, TENANT, ACCESS_TOKEN) for _ in range(50)}
    assert len(sealed) == 50
    assert not any(TOKEN.get_secret_value().encode() in value for value in sealed)


def test_after_a_rotation_the_first_key_seals_and_the_older_one_still_opens():
    before, after = _cipher(old=1), _cipher(new=2, old=1)
    kept = before.seal(TOKEN, TENANT, ACCESS_TOKEN)
    assert after.open(kept, TENANT, ACCESS_TOKEN) == TOKEN

    fresh = after.seal(TOKEN, TENANT, ACCESS_TOKEN)
    assert _cipher(new=2).open(fresh, TENANT, ACCESS_TOKEN) == TOKEN


@pytest.mark.parametrize(
    ("keys", "reason"), [({"new": 2}, "key_missing"), ({"old": 2}, "key_does_not_fit")]
)
def test_without_its_key_a_value_keeps_shut_and_the_error_names_the_key_and_nothing_else(
    keys: dict[str, int], reason: str
):
    sealed = _cipher(old=1).seal(TOKEN, TENANT, ACCESS_TOKEN)
    with pytest.raises(EncryptionKeyError) as caught:
        _cipher(**keys).open(sealed, TENANT, ACCESS_TOKEN)
    assert caught.value.context == {"details": {"reason": reason, "keyId": "old"}}
    assert "key old" in caught.value.message
    assert TOKEN.get_secret_value() not in repr((caught.value, caught.value.context))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_value_named_after_another_key_keeps_shut_though_both_keys_are_the_same():
    cipher = _cipher(k1=1, k2=1)
    sealed = cipher.seal(TOKEN, TENANT, ACCESS_TOKEN)
    with pytest.raises(EncryptionKeyError):
        cipher.open(sealed.replace(b"k1", b"k2", 1), TENANT, ACCESS_TOKEN)


def test_what_the_first_version_sealed_still_opens_and_does_not_pass_for_new():
    nonce = b"n" * 12
    plain = TOKEN.get_secret_value().encode()
    bound_to = TENANT.bytes + ACCESS_TOKEN.encode()
    older = b"\x01\x02k1" + nonce + AESGCM(bytes([1]) * 32).encrypt(nonce, plain, bound_to)
    cipher = _cipher(k1=1)

    assert cipher.open(older, TENANT, ACCESS_TOKEN) == TOKEN
    assert not older.startswith(cipher.header)
    assert cipher.seal(TOKEN, TENANT, ACCESS_TOKEN).startswith(cipher.header)
