"""Wrong settings are named all at once, and no value of theirs is shown."""

import pytest

from libs.common.errors import ConfigurationError
from libs.common.settings import (
    EXIT_CONFIGURATION,
    PublicKeys,
    SecretKey,
    ServiceSettings,
    settings_or_exit,
)


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
