"""The owner of a shop, and nobody else, can disconnect it or have it erased from every schema."""

from datetime import date
from decimal import Decimal

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.events.contracts import TenantErased
from libs.common.web.client import ServiceClient
from services.gateway.events import erase_tenant as erase_at_the_gateway
from services.ingestor.privacy.erasure import erase_tenant as erase_at_the_ingestor
from tests.integration.analytics.shop_facts import Customer, Order, Shop
from tests.integration.gateway.platform import Platform, code_of, domain_of, erase_what_is_due

DISCONNECT = "/api/tenants/current/disconnect"
TENANT_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store') AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
"""


async def _owner(platform: Platform, name: str) -> tuple[Shop, httpx.AsyncClient]:
    shop = await platform.new_shop()
    shop.customers = [Customer(1, "Ada", None, "ada@example.com")]
    shop.orders = [Order(1, date(2026, 5, 5), Decimal(10), customer_id=1)]
    await shop.write()
    return shop, await platform.new_owner(shop, name)


async def _erase(browser: httpx.AsyncClient, confirm: object) -> httpx.Response:
    return await browser.request("DELETE", "/api/tenants/current", json={"confirm": confirm})


async def _events(platform: Platform, shop: Shop) -> list[str]:
    query = "SELECT type FROM tenancy.outbox WHERE tenant_id = $1 ORDER BY id"
    return [row["type"] for row in await platform.fetch(query, shop.tenant_id)]


async def _tables_with(shop: Shop, platform: Platform) -> set[str]:
    tables = [row["name"] for row in await platform.fetch(TENANT_TABLES)]
    async with shop.connection() as connection:
        return {name for name in tables if await _holds(connection, name, shop)}


async def _holds(connection: asyncpg.Connection, table: str, shop: Shop) -> bool:
    query = f"SELECT 1 FROM {table} WHERE tenant_id = $1 LIMIT 1"
    return bool(await connection.fetch(query, shop.tenant_id))


async def test_the_current_tenant_is_shown_with_its_shop_and_scopes(platform: Platform):
    shop, ada = await _owner(platform, "ada")
    await platform.execute(
        "INSERT INTO tenancy.credentials (tenant_id, access_token_ciphertext, scopes, installed_at)"
        " VALUES ($1, '', '{read_orders,read_products}', now())",
        shop.tenant_id,
    )

    tenant = (await ada.get("/api/tenants/current")).json()

    assert tenant["id"] == str(shop.tenant_id)
    assert tenant["scopes"] == ["read_orders", "read_products"]
    facts = {"shopDomain": domain_of(shop.tenant_id), "name": "X", "currency": "USD"}
    facts |= {"zone": "America/New_York", "plan": None}
    assert {name: tenant[name] for name in facts} == facts


async def test_an_owner_disconnects_the_shop_and_keeps_its_figures(platform: Platform):
    shop, ada = await _owner(platform, "ada")

    for _ in range(2):
        assert (await ada.post(DISCONNECT)).status_code == 202

    assert await _events(platform, shop) == ["tenant.disconnected.v1"]
    tenant = (await ada.get("/api/tenants/current")).json()
    assert (tenant["status"], tenant["scopes"]) == ("disconnected", [])
    assert (await ada.get("/api/analytics/summary")).json()["totalRevenue"] == "10.00"


@pytest.mark.parametrize("role", ["admin", "analyst", "viewer"])
async def test_whoever_is_not_the_owner_ends_nothing(platform: Platform, role: str):
    shop, eve = await _owner(platform, "eve")
    await platform.execute("UPDATE identity.memberships SET role = $1", role)

    refused = [
        await eve.post(DISCONNECT),
        await _erase(eve, domain_of(shop.tenant_id)),
    ]

    assert [code_of(answer) for answer in refused] == [(403, "OWNER_REQUIRED")] * 2
    assert await _events(platform, shop) == []


async def test_without_the_name_of_the_own_shop_nothing_is_erased(platform: Platform):
    shop, ada = await _owner(platform, "ada")
    other, _ = await _owner(platform, "eve")

    for confirm in ("", "yes", domain_of(other.tenant_id), None, 1):
        assert code_of(await _erase(ada, confirm)) == (400, "VALIDATION_FAILED")

    assert await _events(platform, shop) == []
    assert (await ada.get("/api/tenants/current")).status_code == 200


async def test_an_erased_tenant_leaves_two_receipts_and_nothing_else_in_any_schema(
    platform: Platform,
):
    shop, ada = await _owner(platform, "ada")
    other, eve = await _owner(platform, "eve")
    of_other = await _tables_with(other, platform)
    assert of_other >= {"store.orders", "identity.memberships", "tenancy.shop_directory"}

    assert (await _erase(ada, domain_of(shop.tenant_id).upper())).status_code == 202
    told = ["tenant.disconnected.v1", "tenant.erasure_scheduled.v1"]
    assert await _events(platform, shop) == told
    await erase_what_is_due(platform)
    assert code_of(await ada.get("/api/tenants/current")) == (404, "TENANT_NOT_FOUND")
    assert await _events(platform, shop) == [*told, "tenant.erased.v1"]
    await platform.execute("DELETE FROM tenancy.outbox")
    await _tell_the_others(platform, shop)

    assert await _tables_with(shop, platform) == {"store.erasures", "tenancy.erasures"}
    assert await platform.fetch("SELECT 1 FROM tenancy.tenants WHERE id = $1", shop.tenant_id) == []
    [receipt] = await platform.fetch("SELECT * FROM tenancy.erasures WHERE done_at IS NOT NULL")
    assert receipt["tenant_id"] == shop.tenant_id
    assert '"orders": 1' in receipt["erased"]
    assert code_of(await ada.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert await _tables_with(other, platform) == of_other
    assert (await eve.get("/api/analytics/summary")).json()["totalRevenue"] == "10.00"


async def _tell_the_others(platform: Platform, shop: Shop) -> None:
    event = TenantErased(tenant_id=shop.tenant_id)
    url = platform.upstreams["OAUTH_URL"]
    oauth = ServiceClient("oauth", url, platform.keys.signer("ingestor"))
    store = create_engine(SecretStr(platform.database.url_for("ingestor")), "test")
    for _ in range(2):
        await erase_at_the_gateway(event, platform.parts.engine, platform.parts.oauth)
        await erase_at_the_ingestor(event, store, oauth)
    await oauth.close()
    await store.dispose()
