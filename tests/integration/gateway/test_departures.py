"""The owner of a shop, and nobody else, can disconnect it or have it erased from every schema."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import asyncpg
import httpx
import pytest

from libs.common.clock import utc_now
from tests.integration.analytics.shop_facts import Customer, Order, Shop
from tests.integration.gateway.erasing import (
    ask_to_erase,
    begin,
    erased,
    gateway_hears,
    ingestor_hears,
)
from tests.integration.gateway.platform import PASSWORD, Platform, code_of, domain_of, log_in

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


async def _disconnect(browser: httpx.AsyncClient, password: object = PASSWORD) -> httpx.Response:
    return await browser.post(DISCONNECT, json={"password": password})


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
    facts |= {"zone": "America/New_York", "plan": None, "erasureGraceHours": 24}
    assert {name: tenant[name] for name in facts} == facts


async def test_an_owner_disconnects_the_shop_and_keeps_its_figures(platform: Platform):
    shop, ada = await _owner(platform, "ada")

    for _ in range(2):
        assert (await _disconnect(ada)).status_code == 202

    assert await _events(platform, shop) == ["tenant.disconnected.v1"]
    tenant = (await ada.get("/api/tenants/current")).json()
    assert (tenant["status"], tenant["scopes"]) == ("disconnected", [])
    assert (await ada.get("/api/analytics/summary")).json()["totalRevenue"] == "10.00"


@pytest.mark.parametrize("role", ["admin", "analyst", "viewer"])
async def test_whoever_is_not_the_owner_ends_nothing(platform: Platform, role: str):
    shop, eve = await _owner(platform, "eve")
    await platform.execute("UPDATE identity.memberships SET role = $1", role)

    refused = [
        await _disconnect(eve),
        await ask_to_erase(eve, domain_of(shop.tenant_id)),
    ]

    assert [code_of(answer) for answer in refused] == [(403, "OWNER_REQUIRED")] * 2
    assert await _events(platform, shop) == []


async def test_without_the_name_of_the_own_shop_nothing_is_erased(platform: Platform):
    shop, ada = await _owner(platform, "ada")
    other, _ = await _owner(platform, "eve")

    for confirm in ("", "yes", domain_of(other.tenant_id), None, 1):
        assert code_of(await ask_to_erase(ada, confirm)) == (400, "VALIDATION_FAILED")

    assert await _events(platform, shop) == []
    assert (await ada.get("/api/tenants/current")).status_code == 200


async def test_without_the_password_nothing_is_ended(platform: Platform):
    shop, ada = await _owner(platform, "ada")
    domain = domain_of(shop.tenant_id)

    for wrong in ("not the password", PASSWORD.upper()):
        refused = [await ask_to_erase(ada, domain, wrong), await _disconnect(ada, wrong)]
        assert [code_of(one) for one in refused] == [(403, "PASSWORD_CONFIRMATION_FAILED")] * 2
    missing = [await ask_to_erase(ada, domain, None), await ada.post(DISCONNECT)]
    assert [code_of(one) for one in missing] == [(400, "VALIDATION_FAILED")] * 2

    assert await _events(platform, shop) == []
    assert (await ada.get("/api/tenants/current")).status_code == 200


async def test_an_owner_has_the_shop_erased_after_a_day_in_which_nobody_may_come_in(
    platform: Platform,
):
    shop, ada = await _owner(platform, "ada")
    session = ada.cookies["session"]
    before = utc_now()

    answer = await ask_to_erase(ada, domain_of(shop.tenant_id))

    assert answer.status_code == 202
    due_at = datetime.fromisoformat(answer.json()["dueAt"])
    assert timedelta(hours=23, minutes=55) < due_at - before < timedelta(hours=24, minutes=5)
    assert "session" not in ada.cookies
    # Before any event has come, and for a copy of the cookie too.
    stolen = {"Cookie": f"session={session}"}
    refused = await ada.get("/api/auth/session", headers=stolen)
    assert code_of(refused) == (401, "AUTH_SESSION_EXPIRED")
    assert code_of(await log_in(ada, "ada")) == (403, "TENANT_ERASURE_SCHEDULED")
    assert "store.orders" in await _tables_with(shop, platform)
    assert await _events(platform, shop) == [
        "tenant.disconnected.v1",
        "tenant.erasure_scheduled.v1",
    ]


async def test_an_erased_tenant_leaves_three_receipts_and_nothing_else_in_any_schema(
    platform: Platform,
):
    shop, ada = await _owner(platform, "ada")
    other, eve = await _owner(platform, "eve")
    of_other = await _tables_with(other, platform)
    assert of_other >= {"store.orders", "identity.memberships", "tenancy.shop_directory"}

    answer = await ask_to_erase(ada, domain_of(shop.tenant_id).upper())
    assert answer.status_code == 202
    await begin(platform, shop)
    await platform.execute("DELETE FROM tenancy.outbox")
    for _ in range(2):
        await gateway_hears(platform, erased(shop))
        await ingestor_hears(platform, erased(shop))

    receipts = {"store.erasures", "tenancy.erasures", "identity.tenant_erasures"}
    assert await _tables_with(shop, platform) == receipts
    assert await platform.fetch("SELECT 1 FROM tenancy.tenants WHERE id = $1", shop.tenant_id) == []
    [receipt] = await platform.fetch("SELECT * FROM tenancy.erasures WHERE done_at IS NOT NULL")
    assert receipt["tenant_id"] == shop.tenant_id
    assert '"orders": 1' in receipt["erased"]
    assert code_of(await log_in(ada, "ada")) == (401, "AUTH_INVALID_CREDENTIALS")
    assert await _tables_with(other, platform) == of_other
    assert (await eve.get("/api/analytics/summary")).json()["totalRevenue"] == "10.00"
