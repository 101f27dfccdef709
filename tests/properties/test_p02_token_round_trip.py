# Feature: shopify-multi-tenant-dashboard, Property 2: For any access token and shop name, storing the tenant record and then retrieving it should return the same decrypted access token value.
"""A shop's access token comes back as Shopify gave it, and is nowhere to be read meanwhile."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, new_domain, running
from tests.integration.oauth.scripted_shopify import SCOPES, ScriptedShopify, scripted_shopify
from tests.properties.settings import PROPERTY, Mutant

MUTANT = Mutant(
    "services/oauth/repository.py",
    "        access_token_ciphertext=pair.access_token,",
    "        access_token_ciphertext=pair.refresh_token or pair.access_token,",
)
tokens = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=6, max_size=200
) | st.from_regex(r"shpat_[0-9a-f]{32}", fullmatch=True)


@pytest.fixture
async def shopify() -> AsyncIterator[ScriptedShopify]:
    async with scripted_shopify() as made:
        yield made


@pytest.fixture
async def oauth(
    database: Database, keys: CallerKeys, shopify: ScriptedShopify
) -> AsyncIterator[OauthDriver]:
    async with running(database.url_for("oauth"), shopify.api_url, keys) as driver:
        yield driver


@PROPERTY
@given(token=tokens, refresh=tokens, expires=st.booleans())
async def test_a_token_comes_back_as_it_was_given(
    oauth: OauthDriver, shopify: ScriptedShopify, token: str, refresh: str, expires: bool
):
    pair: dict[str, object] = {"access_token": token, "scope": SCOPES}
    if expires:
        pair |= {"refresh_token": refresh, "expires_in": 3600}
    shopify.answers.append(lambda: JSONResponse(pair))
    if not expires:
        # A token without end is exchanged for a pair at its first use: here, for itself.
        ending = {**pair, "refresh_token": refresh, "expires_in": 3600}
        shopify.answers.append(lambda: JSONResponse(ending))
    domain = new_domain()

    tenant_id = await oauth.connect(domain)

    answer = (await oauth.token(tenant_id)).json()
    assert (answer["accessToken"], answer["shopDomain"]) == (token, domain)
    [row] = await oauth.rows(
        "SELECT * FROM tenancy.credentials WHERE tenant_id = :id", id=tenant_id
    )
    for sealed in (row["access_token_ciphertext"], row["refresh_token_ciphertext"] or b""):
        assert token.encode() not in sealed
        assert refresh.encode() not in sealed
