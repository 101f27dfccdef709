"""An internal call is believed only from the service that signed it, for the one it asks."""

import base64
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from libs.common.errors import CallerRefusedError
from libs.common.identity import TokenSigner, TokenVerifier

GATEWAY_ONLY = frozenset({"gateway"})


def _pair() -> tuple[SecretStr, str]:
    key = Ed25519PrivateKey.generate()
    private = base64.b64encode(key.private_bytes_raw()).decode()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return SecretStr(private), public


@pytest.fixture
def keys() -> dict[str, tuple[SecretStr, str]]:
    return {"gateway": _pair(), "ingestor": _pair()}


@pytest.fixture
def verifier(keys) -> TokenVerifier:
    return TokenVerifier("oauth", {name: public for name, (_, public) in keys.items()})


def test_a_signed_call_carries_its_tenant_and_user(keys, verifier):
    tenant, user = uuid4(), uuid4()
    token = TokenSigner("gateway", keys["gateway"][0]).caller_token(
        "oauth", tenant_id=tenant, user_id=user
    )
    identity = verifier.caller(token, GATEWAY_ONLY)
    assert (identity.caller, identity.tenant_id, identity.user_id) == ("gateway", tenant, user)


def test_a_caller_that_may_not_ask_is_refused(keys, verifier):
    token = TokenSigner("ingestor", keys["ingestor"][0]).caller_token("oauth")
    with pytest.raises(CallerRefusedError):
        verifier.caller(token, GATEWAY_ONLY)


def test_a_token_for_another_service_is_refused(keys, verifier):
    token = TokenSigner("gateway", keys["gateway"][0]).caller_token("analytics")
    with pytest.raises(CallerRefusedError):
        verifier.caller(token, GATEWAY_ONLY)


def test_a_name_cannot_be_borrowed(keys, verifier):
    token = TokenSigner("gateway", keys["ingestor"][0]).caller_token("oauth")
    with pytest.raises(CallerRefusedError):
        verifier.caller(token, GATEWAY_ONLY)


def test_an_old_token_is_refused(keys, verifier):
    token = TokenSigner("gateway", keys["gateway"][0]).sign(
        "oauth", {}, lifetime=timedelta(seconds=-60)
    )
    with pytest.raises(CallerRefusedError):
        verifier.caller(token, GATEWAY_ONLY)


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJnYXRld2F5In0."]
)
def test_what_is_no_token_is_refused(verifier, token):
    with pytest.raises(CallerRefusedError):
        verifier.caller(token, GATEWAY_ONLY)


def test_a_call_that_names_no_tenant_has_none(keys, verifier):
    token = TokenSigner("gateway", keys["gateway"][0]).caller_token("oauth")
    with pytest.raises(CallerRefusedError):
        verifier.caller(token, GATEWAY_ONLY).tenant()
