"""Facts of a shop as they are stored: newest wins, history that was seen stays, zones are known."""

from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from services.ingestor.pulls.shop_facts import ShopChange, save_shop
from services.ingestor.shopify.shop import ShopFacts
from tests.integration.pulls.tenants import PulledTenant

FACTS = ShopFacts(
    id=1,
    domain="cups.myshopify.com",
    name="Cups",
    currency="EUR",
    zone="Europe/Berlin",
    plan="Basic",
    taxes_included=True,
    scopes=frozenset(),
    served_version="2026-10",
    observed_at=utc_now(),
)


async def _stored(tenant: PulledTenant) -> dict[str, Any]:
    [facts] = await tenant.rows("SELECT name, plan, zone, history_since FROM store.shops")
    return facts


async def test_a_new_currency_is_a_new_version_of_the_data_and_older_facts_change_nothing(
    engine: AsyncEngine, tenant: PulledTenant
):
    async def save(**changes: Any) -> ShopChange:
        facts = msgspec.structs.replace(FACTS, **changes)
        async with transaction(engine, tenants=[tenant.id]) as tx:
            return await save_shop(tx, tenant.id, facts, with_history=False)

    assert (await save()).version is None
    changed = await save(currency="CHF", observed_at=utc_now())
    assert changed == ShopChange(version=1)
    assert await save(zone="Asia/Tokyo") == ShopChange()
    assert (await _stored(tenant))["zone"] == "Europe/Berlin"


async def test_a_zone_that_postgresql_does_not_know_is_utc_and_told_until_it_is_known(
    engine: AsyncEngine, tenant: PulledTenant
):
    findings = "SELECT topic, field, records FROM store.unreadable_fields"

    async def save(zone: str) -> None:
        facts = msgspec.structs.replace(FACTS, zone=zone, observed_at=utc_now())
        async with transaction(engine, tenants=[tenant.id]) as tx:
            await save_shop(tx, tenant.id, facts, with_history=False)

    await save("Mars/Phobos")
    assert (await _stored(tenant))["zone"] == "UTC"
    assert await tenant.rows(findings) == [
        {"topic": "shop", "field": "iana_timezone", "records": 1}
    ]
    await save("Asia/Calcutta")
    assert (await _stored(tenant))["zone"] == "Asia/Calcutta"
    assert await tenant.rows(findings) == []


async def test_orders_that_are_shown_only_now_are_left_to_the_pull_that_reads_them(
    engine: AsyncEngine, tenant: PulledTenant
):
    """The facts may not say that all was seen before it was."""
    async with transaction(engine, tenants=[tenant.id]) as tx:
        await save_shop(tx, tenant.id, FACTS, with_history=True)
        more = msgspec.structs.replace(
            FACTS, scopes=frozenset({"read_all_orders"}), observed_at=utc_now()
        )
        await save_shop(tx, tenant.id, more, with_history=False)
    assert (await _stored(tenant))["history_since"] is not None
    async with transaction(engine, tenants=[tenant.id]) as tx:
        assert (await save_shop(tx, tenant.id, more, with_history=True)).sees_more
    assert (await _stored(tenant))["history_since"] is None
