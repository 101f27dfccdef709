# Feature: shopify-multi-tenant-dashboard, Property 1: For any valid Shopify store domain, when initiating the OAuth connection process, the redirect URL should contain the Shopify OAuth authorization endpoint with correct parameters.
"""Whoever wants to connect a shop is led to that shop's page at Shopify, and nowhere else."""

import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, encoded, running
from tests.properties.settings import PROPERTY, Mutant

MUTANT = Mutant(
    "services/oauth/authorizations.py",
    '"redirect_uri": self._settings.public_url + self._callback_path,',
    '"redirect_uri": self._settings.public_url,',
)
APP = "an app/with & odd=characters?"
SPOILT = (
    *("{}.evil.example", "evil.example/{}", "{}/", "{}\n", "{}@evil.example", "https://{}", " {}"),
    *("{}:443", "-{}", ".{}", "{}?", "{}#", "ü{}", "{}%00", ""),
)
STATE = re.compile(r"[0-9a-f]{64}")
names = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,60}", fullmatch=True)
domains = names.map(lambda name: f"{name}.myshopify.com")


@pytest.fixture
async def oauth(database: Database, keys: CallerKeys) -> AsyncIterator[OauthDriver]:
    changes = {
        "SHOPIFY_API_KEY": APP,
        "SHOPIFY_AUTHORIZE_URL": "https://{shop}/admin/oauth/authorize",
        "PUBLIC_URL": "https://till.example",
        "SCOPES": "read_orders,read_customers,read_products",
    }
    url = database.url_for("oauth")
    async with running(url, "http://127.0.0.1:1/{shop}", keys, **changes) as driver:
        yield driver


@PROPERTY
@given(domain=domains)
async def test_the_redirect_leads_to_the_authorization_page_of_the_shop(
    oauth: OauthDriver, domain: str
):
    answer = await oauth.auth(encoded({"shop": domain}))

    assert answer.status_code == 302
    page = urlsplit(answer.headers["Location"])
    assert (page.scheme, page.netloc) == ("https", domain.lower())
    assert (page.path, page.fragment) == ("/admin/oauth/authorize", "")
    pairs = parse_qsl(page.query, keep_blank_values=True, strict_parsing=True)
    parameters = dict(pairs)
    assert len(parameters) == len(pairs)
    assert STATE.fullmatch(parameters.pop("state"))
    assert parameters == {
        "client_id": APP,
        "scope": "read_orders,read_customers,read_products",
        "redirect_uri": "https://till.example/api/shopify/callback",
    }


@PROPERTY
@given(
    domain=domains,
    spoil=st.sampled_from(SPOILT),
)
async def test_what_is_no_shop_leads_nowhere(oauth: OauthDriver, domain: str, spoil: str):
    answer = await oauth.auth(encoded({"shop": spoil.format(domain)}))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "VALIDATION_INVALID_SHOP"
    assert "Location" not in answer.headers
