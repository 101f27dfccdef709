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
    secret = "kM3vXq9ZtR7wLb2NcYpD5sGhJ8fAeUxT"
    named = wrong(ENVIRONMENT="production", SESSION_SECRET=secret)
    assert named == ["AMQP_URL", "DATABASE_URL", "PUBLIC_URL"]


def test_production_takes_no_session_secret_that_was_typed():
    assert "SESSION_SECRET" in wrong(ENVIRONMENT="production", SESSION_SECRET="password" * 4)


def test_lists_of_origins_and_networks_are_read_and_checked():
    settings = GatewaySettings.from_environment(
        {
            **GOOD,
            "CORS_ORIGINS": "https://Reports.example/, http://localhost:5173",
            "TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
        }
    )
    assert settings.cors_origins == ["https://reports.example", "http://localhost:5173"]
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]
    assert GatewaySettings.from_environment(GOOD).cors_origins == []


@pytest.mark.parametrize("origins", ["*", "https://*", "null", "https://a.example/x", "//a"])
def test_an_origin_that_stands_for_many_or_none_refuses_to_start(origins: str):
    assert wrong(CORS_ORIGINS=f"https://a.example,{origins}") == ["CORS_ORIGINS"]


def test_a_wrong_network_limit_or_redis_is_named():
    assert wrong(TRUSTED_PROXIES="10.0.0.1/8") == ["TRUSTED_PROXIES"]
    assert wrong(RATE_LIMIT_PER_MINUTE="0") == ["RATE_LIMIT_PER_MINUTE"]
    assert wrong(REDIS_URL="http://127.0.0.1") == ["REDIS_URL"]


def test_production_talks_to_redis_over_tls_only():
    named = wrong(ENVIRONMENT="production", REDIS_URL="redis://127.0.0.1:6379/0")
    assert "REDIS_URL" in named
    named = wrong(ENVIRONMENT="production", REDIS_URL="rediss://127.0.0.1:6379/0")
    assert "REDIS_URL" not in named
