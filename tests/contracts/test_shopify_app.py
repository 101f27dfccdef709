"""The app's configuration at Shopify, as shipped, is the one that the code works with."""

import tomllib
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from libs.ops import openapi
from services.ingestor.kinds.registry import KINDS
from services.ingestor.privacy.requests import REQUEST_TOPICS
from services.ingestor.settings import IngestorSettings
from services.oauth import installs, recoveries
from services.oauth.scopes import OPTIONAL_SCOPES
from services.oauth.settings import OauthSettings
from services.webhooks.deliveries import is_webhook_path, read_attributes
from tests.keeper import ROOT

APP: dict[str, Any] = tomllib.loads((ROOT / "shopify.app.toml").read_text())
[COMPLIANCE] = APP["webhooks"]["subscriptions"]


def _default(settings: type[Any], name: str) -> Any:
    return settings.model_fields[name].get_default(call_default_factory=True)


def test_it_names_the_scopes_that_are_asked_for():
    scopes = APP["access_scopes"]["scopes"].split(",")
    assert scopes == _default(OauthSettings, "scopes")
    assert "read_all_orders" in scopes


def test_every_further_entity_can_be_read_with_them_and_without_them_nothing_breaks():
    needed = {scope for kind in KINDS.values() for scope in (kind.scope, *kind.needs)}
    assert needed <= set(_default(OauthSettings, "scopes"))
    assert needed - OPTIONAL_SCOPES == {"read_orders", "read_products"}


def test_it_pins_the_version_that_is_called():
    version = _default(IngestorSettings, "shopify_api_version")
    assert APP["webhooks"]["api_version"] == version == "2026-10"


def test_it_leads_to_the_routes_of_installs_and_recoveries():
    redirects = APP["auth"]["redirect_urls"]
    opened = urlsplit(APP["application_url"])
    paths = openapi.public_document()["paths"]
    callbacks = {urlsplit(address).path for address in redirects}
    assert callbacks == {installs.CALLBACK_PATH, recoveries.CALLBACK_PATH}
    assert callbacks | {opened.path} <= set(paths)
    assert {urlsplit(address).netloc for address in redirects} == {opened.netloc}
    assert APP["embedded"] is False


def test_it_declares_every_topic_of_privacy_law_that_is_acted_on():
    assert set(COMPLIANCE["compliance_topics"]) == REQUEST_TOPICS | {"shop/redact"}


@pytest.mark.parametrize("topic", COMPLIANCE["compliance_topics"])
def test_the_door_takes_each_of_them_at_the_address_given(topic: str):
    path = urlsplit(COMPLIANCE["uri"]).path
    headers = {
        b"x-shopify-topic": topic.encode(),
        b"x-shopify-shop-domain": b"cups.myshopify.com",
        b"x-shopify-webhook-id": str(uuid4()).encode(),
    }
    assert is_webhook_path(path)
    assert read_attributes(headers, path).topic == topic


def test_every_address_is_https():
    addresses = [APP["application_url"], *APP["auth"]["redirect_urls"], COMPLIANCE["uri"]]
    assert {urlsplit(address).scheme for address in addresses} == {"https"}
