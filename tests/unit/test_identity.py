"""An internal call is believed once, from the service that signed it, for the request it made."""

import base64
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from libs.common import identity
from libs.common.errors import CallerRefusedError, TransientError
from libs.common.identity import Call, TokenSigner, TokenVerifier

GATEWAY_ONLY = frozenset({"gateway"})
CALL = Call("POST", b"/internal/tenants/7/token?a=b", b"{}")


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


@pytest.fixture
def gateway(keys) -> TokenSigner:
    return TokenSigner("gateway", keys["gateway"][0])


def _reason(verifier: TokenVerifier, token: str, call: Call = CALL) -> object:
    with pytest.raises(CallerRefusedError) as refused:
        verifier.caller(token, GATEWAY_ONLY, call)
    return refused.value.context["reason"]


def test_a_signed_call_carries_its_tenant_and_user(gateway, verifier):
    tenant, user = uuid4(), uuid4()
    token = gateway.caller_token("oauth", CALL, tenant_id=tenant, user_id=user)
    caller = verifier.caller(token, GATEWAY_ONLY, CALL)
    assert (caller.caller, caller.tenant_id, caller.user_id) == ("gateway", tenant, user)


def test_a_caller_that_may_not_ask_is_refused(keys, verifier):
    token = TokenSigner("ingestor", keys["ingestor"][0]).caller_token("oauth", CALL)
    assert _reason(verifier, token) == "caller_not_allowed"


def test_a_caller_nobody_knows_is_refused(verifier):
    token = TokenSigner("mallory", _pair()[0]).caller_token("oauth", CALL)
    assert _reason(verifier, token) == "caller_unknown"


def test_a_token_for_another_service_is_refused(gateway, verifier):
    assert _reason(verifier, gateway.caller_token("analytics", CALL)) == "token_invalid"


def test_a_name_cannot_be_borrowed(keys, verifier):
    token = TokenSigner("gateway", keys["ingestor"][0]).caller_token("oauth", CALL)
    assert _reason(verifier, token) == "token_invalid"


@pytest.mark.parametrize(
    "other",
    [
        Call("GET", CALL.target, CALL.body),
        Call("POST", b"/internal/tenants/8/token?a=b", CALL.body),
        Call("POST", b"/internal/tenants/7/token", CALL.body),
        Call("POST", b"/internal/tenants/%37/token?a=b", CALL.body),
        Call("POST", CALL.target, b'{"all": true}'),
        Call("POST", CALL.target),
    ],
)
def test_a_token_opens_no_other_request(gateway, verifier, other: Call):
    token = gateway.caller_token("oauth", CALL)
    assert _reason(verifier, token, other) == "other_request"
    assert verifier.caller(token, GATEWAY_ONLY, CALL).caller == "gateway"


def test_a_token_opens_its_request_once(gateway, verifier):
    token = gateway.caller_token("oauth", CALL)
    verifier.caller(token, GATEWAY_ONLY, CALL)
    assert _reason(verifier, token) == "token_used"
    verifier.caller(gateway.caller_token("oauth", CALL), GATEWAY_ONLY, CALL)


@pytest.mark.parametrize("missing", ["jti", "call"])
def test_a_token_without_id_or_request_is_refused(gateway, verifier, missing: str):
    claims = {"jti": "one", "call": CALL.digest()}
    del claims[missing]
    token = gateway.sign("oauth", claims, lifetime=timedelta(seconds=5))
    assert _reason(verifier, token) in ("token_invalid", "other_request")


@pytest.mark.parametrize(("seconds", "reason"), [(-60, "token_invalid"), (16, "token_lifetime")])
def test_a_token_that_is_old_or_lives_long_is_refused(gateway, verifier, seconds: int, reason: str):
    claims = {"jti": "one", "call": CALL.digest()}
    token = gateway.sign("oauth", claims, lifetime=timedelta(seconds=seconds))
    assert _reason(verifier, token) == reason


def test_used_tokens_take_bounded_memory_and_are_never_forgotten_early(
    gateway, verifier, monkeypatch
):
    monkeypatch.setattr(identity, "MAX_REMEMBERED_TOKENS", 3)
    tokens = [gateway.caller_token("oauth", CALL) for _ in range(4)]
    for token in tokens[:3]:
        verifier.caller(token, GATEWAY_ONLY, CALL)

    with pytest.raises(TransientError):
        verifier.caller(tokens[3], GATEWAY_ONLY, CALL)
    assert _reason(verifier, tokens[0]) == "token_used"

    # So long that no token that was used could still be valid.
    monkeypatch.setattr(identity, "_REMEMBERED_SECONDS", -1)
    verifier.caller(gateway.caller_token("oauth", CALL), GATEWAY_ONLY, CALL)


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


_HEADER = _encoded(b'{"alg":"EdDSA"}')
_NESTED = _encoded(b"[" * 15_000)


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJnYXRld2F5In0.", "\xff.\xff.\xff"),
        *(f"{_HEADER}.{_NESTED}.x", f"{_NESTED}.{_HEADER}.x", f"{_HEADER}.{_encoded(b'[]')}.x"),
        *(f"{_HEADER}.{_encoded(bytes([255]))}.x", f"{_HEADER}.{_encoded(b'9' * 9000)}.x"),
    ],
)
def test_what_is_no_token_is_refused(verifier, token):
    assert _reason(verifier, token) in ("token_invalid", "caller_unknown")


def test_a_call_that_names_no_tenant_has_none(gateway, verifier):
    token = gateway.caller_token("oauth", CALL)
    with pytest.raises(CallerRefusedError):
        verifier.caller(token, GATEWAY_ONLY, CALL).tenant()
