"""Settings of oauth: each wrong variable is named, what only a laptop may do is refused, and no
secret is shown."""

import base64

import pytest

from libs.common.errors import ConfigurationError
from services.oauth.settings import OauthSettings

KEY = base64.b64encode(b"k" * 32).decode()
GOOD = {
    "PORT": "8081",
    "DATABASE_URL": "postgresql://oauth@127.0.0.1/tillstream",
    "AMQP_URL": "amqp://127.0.0.1/",
    "PUBLIC_URL": "http://127.0.0.1:8080/",
    "SHOPIFY_API_KEY": "key",
    "SHOPIFY_API_SECRET": "hush",
    "ENCRYPTION_KEY": f"k2:{KEY}, k1:{KEY}",
    "CALLER_PRIVATE_KEY": KEY,
    "CALLER_PUBLIC_KEYS": f"gateway={KEY}",
}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://oauth@db/tillstream?sslmode=require",
    "AMQP_URL": "amqps://broker/",
    "PUBLIC_URL": "https://tillstream.example",
}


def _wrong(**changes: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        OauthSettings.from_environment(GOOD | changes)
    assert KEY not in caught.value.message
    return list(caught.value.context["variables"])


def test_a_whole_environment_is_accepted_with_shopify_itself_as_the_default():
    settings = OauthSettings.from_environment(GOOD)
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.shopify_authorize_url == "https://{shop}/admin/oauth/authorize"
    assert settings.scopes == [
        *("read_orders", "read_all_orders", "read_customers", "read_products"),
        *("read_inventory", "read_locations", "read_discounts", "read_draft_orders"),
    ]


def test_the_first_encryption_key_comes_first():
    assert list(OauthSettings.from_environment(GOOD).encryption_key) == ["k2", "k1"]


def test_older_client_secrets_are_accepted_beside_the_current_one():
    settings = OauthSettings.from_environment(GOOD | {"WEBHOOK_SECRET": "older, oldest"})
    assert settings.client_secrets() == ["hush", "older", "oldest"]


def test_every_missing_variable_is_named_at_once():
    with pytest.raises(ConfigurationError) as caught:
        OauthSettings.from_environment({})
    assert caught.value.context["variables"] == sorted(GOOD)


@pytest.mark.parametrize(
    "value", [KEY, "k1:short", f"k1:{KEY},k1:{KEY}", f"k 1:{KEY}", ",", f":{KEY}"]
)
def test_an_encryption_key_that_is_none_is_refused(value: str):
    assert _wrong(ENCRYPTION_KEY=value) == ["ENCRYPTION_KEY"]


def test_a_shop_url_without_a_place_for_the_shop_is_refused():
    assert _wrong(SHOPIFY_API_URL="https://shop.example") == ["SHOPIFY_API_URL"]


@pytest.mark.parametrize(
    "value", ["http://tillstream.example", "https://a.example/path", "127.0.0.1:8080"]
)
def test_the_public_url_is_an_https_origin_or_a_loopback_one(value: str):
    assert _wrong(PUBLIC_URL=value) == ["PUBLIC_URL"]


def test_production_accepts_only_what_is_encrypted_on_the_way():
    OauthSettings.from_environment(GOOD | PRODUCTION)
    local = {"SHOPIFY_API_URL": "http://127.0.0.1/{shop}", "ENVIRONMENT": "production"}
    assert _wrong(**local) == ["AMQP_URL", "DATABASE_URL", "PUBLIC_URL", "SHOPIFY_API_URL"]


@pytest.mark.parametrize("name", ["ERASURE_GRACE_HOURS", "REDACT_MIN_AGE_HOURS"])
def test_only_outside_production_may_a_tenant_be_erased_within_a_day(name: str):
    OauthSettings.from_environment(GOOD | {name: "0"})
    OauthSettings.from_environment(GOOD | PRODUCTION | {name: "24"})
    for hours in ("0", "23.9"):
        assert _wrong(**PRODUCTION, **{name: hours}) == [name]
    for hours in ("-1", "601", "nan", "inf"):
        assert _wrong(**{name: hours}) == [name]


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_the_brake_lets_at_least_one_an_hour_through(value: str):
    assert _wrong(MAX_DEPARTURES_PER_HOUR=value) == ["MAX_DEPARTURES_PER_HOUR"]
