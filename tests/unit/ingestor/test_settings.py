"""The ingestor does not start on settings that would fail it later."""

import pytest

from libs.common.errors import ConfigurationError
from services.ingestor.settings import IngestorSettings
from tests.caller_keys import CallerKeys

_KEYS = CallerKeys()
_GOOD = {
    "PORT": "8083",
    "DATABASE_URL": "postgresql://tillstream_ingestor:secret@db/tillstream?sslmode=require",
    "AMQP_URL": "amqps://ingestor:secret@broker/",
    "OAUTH_URL": "https://oauth:8081",
    "WEBHOOKS_URL": "https://hooks.example.com/",
    "CALLER_PRIVATE_KEY": _KEYS.private["ingestor"],
    "CALLER_PUBLIC_KEYS": _KEYS.public_list,
}


def test_good_settings_are_taken_in_production_too() -> None:
    settings = IngestorSettings.from_environment(_GOOD | {"ENVIRONMENT": "production"})
    assert settings.webhooks_url == "https://hooks.example.com"
    assert settings.shopify_api_version == "2026-10"


def test_every_wrong_or_missing_variable_is_named_at_once_and_no_value_is_shown() -> None:
    wrong = {"AMQP_URL": "http://secret-host/", "SHOPIFY_API_URL": "https://example.com"}
    with pytest.raises(ConfigurationError) as caught:
        IngestorSettings.from_environment({"SHOPIFY_API_VERSION": "newest", **wrong})
    assert set(caught.value.context["variables"]) == {  # type: ignore[call-overload]
        *(set(_GOOD) - {"AMQP_URL"}),
        *wrong,
        "SHOPIFY_API_VERSION",
    }
    assert "secret-host" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMQP_URL", "amqp://broker/"),
        ("OAUTH_URL", "http://oauth:8081"),
        ("WEBHOOKS_URL", "http://hooks.example.com"),
        ("SHOPIFY_API_URL", "http://{shop}"),
        ("DATABASE_URL", "postgresql://db/tillstream"),
    ],
)
def test_production_refuses_what_is_not_encrypted(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        IngestorSettings.from_environment(_GOOD | {"ENVIRONMENT": "production", name: value})
