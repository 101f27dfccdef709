"""A webhooks service that is told nonsense does not start, and says everything that is wrong."""

import pytest

from libs.common.errors import ConfigurationError
from services.webhooks.main import headers_of_all_answers
from services.webhooks.settings import WebhooksSettings

GOOD = {
    "PORT": "8082",
    "DATABASE_URL": "postgresql://user:password@127.0.0.1/tillstream",
    "AMQP_URL": "amqp://user:password@127.0.0.1/",
    "SHOPIFY_API_SECRET": "hush",
}


def test_the_current_secret_and_older_ones_are_accepted():
    settings = WebhooksSettings.from_environment({**GOOD, "WEBHOOK_SECRET": "older, oldest"})
    assert settings.client_secrets() == ["hush", "older", "oldest"]


def test_there_need_not_be_an_older_secret():
    assert WebhooksSettings.from_environment(GOOD).client_secrets() == ["hush"]


def test_everything_that_is_wrong_is_named_at_once():
    with pytest.raises(ConfigurationError) as refusal:
        WebhooksSettings.from_environment({"AMQP_URL": "http://127.0.0.1/"})
    assert refusal.value.context["variables"] == [
        "AMQP_URL",
        "DATABASE_URL",
        "PORT",
        "SHOPIFY_API_SECRET",
    ]


def test_production_wants_tls():
    with pytest.raises(ConfigurationError) as refusal:
        WebhooksSettings.from_environment({**GOOD, "ENVIRONMENT": "production"})
    assert refusal.value.context["variables"] == ["AMQP_URL", "DATABASE_URL"]


def test_browsers_are_told_to_stay_with_https_where_there_is_https():
    with_tls = {
        "ENVIRONMENT": "production",
        "DATABASE_URL": f"{GOOD['DATABASE_URL']}?sslmode=require",
        "AMQP_URL": "amqps://user:password@127.0.0.1/",
    }
    production = WebhooksSettings.from_environment(GOOD | with_tls)
    assert headers_of_all_answers(production) == [
        ("strict-transport-security", "max-age=31536000; includeSubDomains")
    ]
    assert headers_of_all_answers(WebhooksSettings.from_environment(GOOD)) == []
