"""The gateway starts only with an address that keeps its cookies safe, and names what is wrong."""

from base64 import b64encode

import pytest

from libs.common.errors import ConfigurationError
from services.gateway.settings import GatewaySettings

KEY = b64encode(bytes(32)).decode()
GOOD = {
    "DATABASE_URL": "postgresql://gateway@127.0.0.1/x",
    "AMQP_URL": "amqp://127.0.0.1/",
    "PUBLIC_URL": "http://127.0.0.1:8080",
    "OAUTH_URL": "http://127.0.0.1:8081",
    "INGESTOR_URL": "http://127.0.0.1:8083",
    "ANALYTICS_URL": "http://127.0.0.1:8084",
    "SESSION_SECRET": "s" * 32,
    "CALLER_PRIVATE_KEY": KEY,
    "CALLER_PUBLIC_KEYS": f"oauth={KEY}",
}


def wrong(**changes: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        GatewaySettings.from_environment({**GOOD, **changes})
    return list(refused.value.context["variables"])


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://Till.Example:443/", "https://till.example"),
        ("https://till.example:8443", "https://till.example:8443"),
    ],
)
def test_the_public_address_is_kept_as_browsers_write_an_origin(url: str, origin: str):
    assert GatewaySettings.from_environment({**GOOD, "PUBLIC_URL": url}).public_url == origin


@pytest.mark.parametrize(
    "url",
    [
        *("http://till.example", "http://192.168.1.2:8080", "http://localhost.evil.example"),
        *("https://till.example/app", "https://user@till.example", "ftp://till.example", "till"),
    ],
)
def test_http_on_another_host_or_no_plain_origin_refuses_to_start(url: str):
    assert wrong(PUBLIC_URL=url) == ["PUBLIC_URL"]


def test_every_missing_setting_is_named_at_once():
    with pytest.raises(ConfigurationError) as refused:
        GatewaySettings.from_environment({})
    assert refused.value.context["variables"] == sorted(GOOD)


def test_a_short_session_secret_is_refused_and_never_shown():
    with pytest.raises(ConfigurationError) as refused:
        GatewaySettings.from_environment({**GOOD, "SESSION_SECRET": "too-short-to-be-one"})
    assert refused.value.context["variables"] == ["SESSION_SECRET"]
    assert "too-short" not in str(refused.value)


def test_production_takes_no_http_and_no_plain_connections():
    assert wrong(ENVIRONMENT="production") == ["AMQP_URL", "DATABASE_URL", "PUBLIC_URL"]
