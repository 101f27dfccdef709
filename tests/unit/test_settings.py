"""Wrong settings are named all at once, and no value of theirs is shown."""

import base64

import pytest

from libs.common.errors import ConfigurationError
from libs.common.settings import (
    EXIT_CONFIGURATION,
    BrokerUrl,
    PublicKeys,
    SecretKey,
    ServiceSettings,
    is_guessable,
    settings_or_exit,
)
from services.analytics.settings import AnalyticsSettings
from services.gateway.settings import GatewaySettings
from services.ingestor.settings import IngestorSettings
from services.oauth.settings import OauthSettings
from services.webhooks.settings import WebhooksSettings


class ExampleSettings(ServiceSettings):
    encryption_key: SecretKey
    caller_public_keys: PublicKeys


GOOD = {
    "PORT": "8080",
    "DATABASE_URL": "postgresql://gateway:hidden@127.0.0.1/tillstream",
    "ENCRYPTION_KEY": "A" * 43 + "=",
    "CALLER_PUBLIC_KEYS": "gateway=" + "A" * 43 + "=",
}


def test_a_whole_environment_is_accepted():
    settings = ExampleSettings.from_environment(GOOD)
    assert settings.port == 8080
    assert list(settings.caller_public_keys) == ["gateway"]


def test_every_wrong_or_missing_variable_is_named_at_once():
    environment = {
        "PORT": "eighty",
        "DATABASE_URL": "mysql://root:hunter2@host/db",
        "CALLER_PUBLIC_KEYS": "gateway:nope",
    }
    with pytest.raises(ConfigurationError) as caught:
        ExampleSettings.from_environment(environment)
    assert caught.value.context["variables"] == [
        "CALLER_PUBLIC_KEYS",
        "DATABASE_URL",
        "ENCRYPTION_KEY",
        "PORT",
    ]
    for name in ("CALLER_PUBLIC_KEYS", "DATABASE_URL", "ENCRYPTION_KEY", "PORT"):
        assert name in caught.value.message


def test_the_error_never_shows_a_value():
    secret = "hunter2-and-more"
    with pytest.raises(ConfigurationError) as caught:
        ExampleSettings.from_environment(
            GOOD | {"ENCRYPTION_KEY": secret, "DATABASE_URL": f"mysql://u:{secret}@h/d"}
        )
    assert secret not in caught.value.message


def test_an_empty_variable_counts_as_missing():
    with pytest.raises(ConfigurationError) as caught:
        ExampleSettings.from_environment(GOOD | {"DATABASE_URL": ""})
    assert caught.value.context["variables"] == ["DATABASE_URL"]


def test_production_refuses_a_database_without_tls():
    with pytest.raises(ConfigurationError) as caught:
        ExampleSettings.from_environment(GOOD | {"ENVIRONMENT": "production"})
    assert caught.value.context["variables"] == ["DATABASE_URL"]
    secure = GOOD["DATABASE_URL"] + "?sslmode=require"
    ExampleSettings.from_environment(GOOD | {"ENVIRONMENT": "production", "DATABASE_URL": secure})


def test_a_process_with_wrong_settings_ends_with_the_configuration_status(monkeypatch, capsys):
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as caught:
        settings_or_exit(ExampleSettings)
    assert caught.value.code == EXIT_CONFIGURATION
    assert "ENCRYPTION_KEY: is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "query",
    [
        *("", "?sslmode=", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer"),
        *("?sslmode=nonsense", "?sslmode=REQUIRE", "?SSLMODE=require", "?ssl=require"),
        *("?sslmode=disable&sslmode=require", "?sslmode=require&sslmode=disable"),
        *("?application_name=sslmode=require", "#sslmode=require", "?sslmode=require%20"),
    ],
)
def test_production_takes_only_what_can_never_be_plain(query):
    url = GOOD["DATABASE_URL"] + query
    with pytest.raises(ConfigurationError) as caught:
        ExampleSettings.from_environment(GOOD | {"ENVIRONMENT": "production", "DATABASE_URL": url})
    assert caught.value.context["variables"] == ["DATABASE_URL"]


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_production_takes_encryption_with_an_authority_that_is_there(tmp_path, mode):
    authority = tmp_path / "ca.pem"
    url = f"{GOOD['DATABASE_URL']}?sslmode={mode}&sslrootcert={authority}"
    production = GOOD | {"ENVIRONMENT": "production", "DATABASE_URL": url}
    with pytest.raises(ConfigurationError, match="sslrootcert that cannot be read"):
        ExampleSettings.from_environment(production)
    authority.touch()
    ExampleSettings.from_environment(production)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=verify-full", "must name the authority's certificate in sslrootcert"),
        ("sslmode=require&sslrootcrt=/etc/ca.pem", "unknown parameter"),
        ("sslmode=require&sslmode=require", "has sslmode twice"),
        ("sslmode=off", "must have an sslmode of"),
        ("sslcert=/no/such/file", "sslcert that cannot be read"),
    ],
)
def test_a_parameter_that_would_be_lost_is_refused_everywhere(query, said):
    url = f"{GOOD['DATABASE_URL']}?{query}"
    with pytest.raises(ConfigurationError, match=said):
        ExampleSettings.from_environment(GOOD | {"DATABASE_URL": url})


@pytest.mark.parametrize(
    "query", ["no_verify_ssl=1", "no_verify_ssl=0", "no_verify_ssl=", "cafile=/no/such/file"]
)
def test_a_broker_is_always_verified(query):
    class WithBroker(ExampleSettings):
        amqp_url: BrokerUrl

    url = {"AMQP_URL": "amqps://gateway:hidden@broker.example/"}
    assert WithBroker.from_environment(GOOD | url)
    with pytest.raises(ConfigurationError) as caught:
        WithBroker.from_environment(GOOD | {"AMQP_URL": f"{url['AMQP_URL']}?{query}"})
    assert caught.value.context["variables"] == ["AMQP_URL"]


@pytest.mark.parametrize(
    "typed",
    [
        *("a" * 32, "ab" * 16, "password" * 4, "changeme-changeme-changeme-change"),
        *("abcdefghijklmnopqrstuvwxyz123456", "0123456789abcdef" * 4),
    ],
)
def test_a_secret_that_was_typed_is_told_from_one_that_was_drawn(typed):
    assert is_guessable(typed)
    assert not is_guessable("f3a96c0be84d17529e0b6d1fa7c83254")
    assert not is_guessable("kM3vXq9ZtR7wLb2NcYpD5sGhJ8fAeUxT")


SERVICES = {
    "webhooks": WebhooksSettings,
    "oauth": OauthSettings,
    "ingestor": IngestorSettings,
    "gateway": GatewaySettings,
    "analytics": AnalyticsSettings,
}
_KEY = base64.b64encode(bytes(range(32))).decode()
WHOLE = {
    "PORT": "8080",
    "DATABASE_URL": "postgresql://service:hidden@127.0.0.1/tillstream",
    "ANALYTICS_DATABASE_URL": "postgresql://service:hidden@127.0.0.1/tillstream",
    "AMQP_URL": "amqp://service:hidden@127.0.0.1/",
    "REDIS_URL": "redis://:hidden@127.0.0.1/0",
    "SHOPIFY_API_KEY": "key",
    "SHOPIFY_API_SECRET": "shpss_new",
    "WEBHOOK_SECRET": "shpss_old, shpss_older",
    "SESSION_SECRET": "5c1f0e3a9b7d2846f0a1c3e5d7b9284f",
    "ENCRYPTION_KEY": f"k1:{_KEY}",
    "CALLER_PRIVATE_KEY": _KEY,
    "CALLER_PUBLIC_KEYS": f"gateway={_KEY}",
    "PUBLIC_URL": "http://127.0.0.1:8080",
    "WEBHOOKS_URL": "http://127.0.0.1:8082",
    "OAUTH_URL": "http://127.0.0.1:8081",
    "INGESTOR_URL": "http://127.0.0.1:8083",
    "ANALYTICS_URL": "http://127.0.0.1:8084",
}
"""A value for every setting that holds text of somebody else's choice."""

SECRETS = [
    (service, name.upper())
    for service, cls in SERVICES.items()
    for name, field in cls.model_fields.items()
    if "Secret" in str(field.annotation)
]


def test_the_secrets_of_every_service_are_known_here():
    assert {name for _, name in SECRETS} <= WHOLE.keys()
    assert ("webhooks", "SHOPIFY_API_SECRET") in SECRETS


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("around", ["\n", "\r\n", " ", "\t", "\ufeff"])
def test_settings_read_from_files_are_those_without_the_line_end(service: str, around: str):
    padded = {name: f"{around}{value}{around}" for name, value in WHOLE.items()}
    read = SERVICES[service].from_environment
    assert read(padded) == read(WHOLE)


@pytest.mark.parametrize(("service", "name"), SECRETS)
@pytest.mark.parametrize("within", ["\n", " ", "\x00", "\u200b"])
def test_a_secret_with_a_gap_in_it_is_refused_by_name(service: str, name: str, within: str):
    middle = len(WHOLE[name]) - 2
    broken = WHOLE[name][:middle] + within + WHOLE[name][middle:]
    with pytest.raises(ConfigurationError) as caught:
        SERVICES[service].from_environment(WHOLE | {name: broken})
    assert caught.value.context["variables"] == [name]
    assert broken not in caught.value.message


def test_a_setting_of_white_space_counts_as_missing():
    with pytest.raises(ConfigurationError, match="SHOPIFY_API_SECRET: is missing"):
        WebhooksSettings.from_environment(WHOLE | {"SHOPIFY_API_SECRET": " \n"})
