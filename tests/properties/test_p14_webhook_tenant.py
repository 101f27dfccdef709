# Feature: shopify-multi-tenant-dashboard, Property 14: For any valid webhook with a shop domain header, the system should correctly identify and retrieve the corresponding tenant.
"""Every delivery is given to the tenant of the shop that its header names."""

import asyncio
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.webhooks.running import Service
from tests.integration.webhooks.shopify import headers
from tests.properties.lanes import Lanes
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store
from tests.properties.values import Chance

MUTANT = Mutant(
    "services/webhooks/routes.py",
    "        return shop.tenant_id",
    "        return next(iter(self._directory._shops.values())).tenant_id",
)
TOPICS = ("orders/create", "customers/update", "app/uninstalled", "shop/redact")


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    shops=st.integers(1, 4),
    known=st.booleans(),
    status=st.sampled_from(["active", "disconnected", "reconnect_required"]),
)
async def test_a_delivery_goes_to_the_tenant_of_its_shop(
    store: Store,
    webhooks: Service,
    lanes: Lanes,
    seed: int,
    shops: int,
    known: bool,
    status: str,
):
    chance = Chance(seed)
    tenants = await store.connect([ShopKind()] * shops)
    query = "UPDATE tenancy.shop_directory SET status = $1 WHERE tenant_id = ANY ($2)"
    await store.owner.execute(query, status, tenants)
    if known:
        await webhooks.directory.load()
    expected = {}
    requests = []
    for tenant in chance.choices(tenants, k=6):
        domain = f"{tenant}.myshopify.com"
        named = f"{chance.choice((str(tenant), str(tenant).upper()))}.myshopify.com"
        told = headers(named, b"{}", topic=chance.choice(TOPICS))
        expected[told["X-Shopify-Webhook-Id"]] = (tenant, domain, told["X-Shopify-Topic"])
        if chance.random() < 0.5:
            told = {name.replace("X-Shopify", "Shopify"): value for name, value in told.items()}
        requests.append(webhooks.http.post("/webhooks", content=b"{}", headers=told))

    answers = await asyncio.gather(*requests)
    stranger = await webhooks.deliver(f"{uuid4()}.myshopify.com")

    assert {answer.status_code for answer in answers} == {200}
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (404, "SHOP_UNKNOWN")
    records = await lanes.take(len(expected))
    told_of = {one.id: (one.tenant_id, one.source, one.type) for one in records}
    assert told_of == expected
