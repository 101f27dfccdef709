# Feature: shopify-multi-tenant-dashboard, Property 11: For any set of registered tenants, when the sync service executes, it should process all tenants without skipping any.
"""Whoever is due is pulled, however many they are and whatever is the matter with some of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import (
    ReconnectRequiredError,
    ServiceUnavailableError,
    TenantNotFoundError,
)
from libs.common.messaging.publisher import Publisher
from services.ingestor.shopify.tokens import AccessToken
from tests.integration.pulls.simulated import Simulator
from tests.properties.log_lines import LogLines
from tests.properties.pulling import ask_for_pulls, pull_until, small_shops
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "services/ingestor/pulls/worker.py",
    "        for claim in claims:",
    "        for claim in claims[1:]:",
)
SHOP = "tiny.myshopify.com"
TROUBLES = {
    "reconnect": ReconnectRequiredError("The shop must be connected again."),
    "erased": TenantNotFoundError("There is no such tenant."),
    "oauth away": ServiceUnavailableError("oauth does not answer."),
    "crash": ZeroDivisionError("nobody foresaw this"),
}
# What each fate must lead to: the state of the pull, and the code of what is wrong with it.
OUTCOMES = {
    "fine": ("succeeded", None),
    "reconnect": ("failed", "RECONNECT_REQUIRED"),
    "erased": ("failed", "TENANT_NOT_FOUND"),
    "oauth away": ("running", "SERVICE_UNAVAILABLE"),
    "crash": ("running", "INTERNAL_SERVER_ERROR"),
}
PULLS = """SELECT p.tenant_id, p.state, p.errors -> 0 ->> 'code' AS code
    FROM store.pulls p JOIN store.schedule s USING (tenant_id)
    WHERE s.lease_owner IS NULL AND p.started_at IS NOT NULL"""


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    async with small_shops(tmp_path) as running:
        yield running


@pytest.fixture
async def token(shopify: Simulator) -> AccessToken:
    return await shopify.install(SHOP)


@PROPERTY
@given(
    fates=st.lists(st.sampled_from([*TROUBLES, *TROUBLES, "fine"]), min_size=1, max_size=5),
    slots=st.integers(1, 4),
)
async def test_no_tenant_that_is_due_is_left_out(
    store: Store,
    publisher: Publisher,
    shopify: Simulator,
    token: AccessToken,
    log_lines: LogLines,
    fates: list[str],
    slots: int,
):
    log_lines.forget()
    tenants = await store.connect([ShopKind()] * len(fates))
    fate_of = dict(zip(tenants, fates, strict=True))
    expected = sorted((tenant, *OUTCOMES[fate]) for tenant, fate in fate_of.items())
    found: list[tuple[UUID, str, str | None]] = []

    async def tokens(tenant_id: UUID) -> AccessToken:
        if error := TROUBLES.get(fate_of[tenant_id]):
            raise error
        return token

    async def all_are_done() -> bool:
        rows = [tuple(row) for row in await store.read(tenants, PULLS)]
        found[:] = sorted(row for row in rows if row[1] != "running" or row[2])
        return len(found) == len(tenants)

    await ask_for_pulls(store, tenants)
    await pull_until(store, publisher, shopify.api, tokens, all_are_done, slots=slots)

    assert found == expected
