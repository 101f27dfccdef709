"""Shopify's clock is not ours: nothing is missed, however many hours it is off."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.state import ENTITIES
from tests.integration.pulls.simulated import InstalledShops, Simulator, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "skew.myshopify.com"
_HOURS = 3_600


async def _is_true(tenant: PulledTenant, shopify: Simulator) -> None:
    truth, totals = await shopify.truth(SHOP), await tenant.totals()
    assert totals["revenue"] == Decimal(truth["revenue"])
    assert totals["units"] == truth["units"]
    records = await tenant.rows("SELECT entity, records FROM store.entity_counts")
    counts = {row["entity"]: row["records"] for row in records}
    assert {name: counts[name] for name in ENTITIES} == {name: truth[name] for name in ENTITIES}
    assert await tenant.differences() == []


@pytest.mark.parametrize("offset", [-5 * _HOURS, 5 * _HOURS])
async def test_pulls_are_complete_though_shopifys_clock_is_hours_off(
    engine: AsyncEngine,
    publisher: Publisher,
    tenant_id: UUID,
    tmp_path: Path,
    offset: int,
):
    tenant, shops = PulledTenant(engine, tenant_id), InstalledShops()
    await tenant.queue()
    file = write_shop(tmp_path / "shop.csv", orders=60)
    async with simulator(tmp_path / "simulator", "--shop", f"{SHOP}={file}") as shopify:
        await shopify.ask("POST", "clock", {"offsetSeconds": offset})
        shops.by_tenant[tenant.id] = await shopify.install(SHOP)
        new = {"lines": [{"title": "A", "price": "7.00"}], "customer": {"firstName": "Ada"}}
        await shopify.ask("POST", f"shops/{SHOP}/orders", new)
        async with working(engine, publisher, shopify, shops):
            backfill = await tenant.until_ended()
            assert (backfill["state"], backfill["errors"]) == ("succeeded", [])
            await _is_true(tenant, shopify)

            [refunded] = await tenant.rows("SELECT id FROM store.orders ORDER BY id LIMIT 1")
            await shopify.ask("POST", f"shops/{SHOP}/orders/{refunded['id']}/refund", {})
            placed = await shopify.ask("POST", f"shops/{SHOP}/orders", new)
            pull = await tenant.next_pull()
            assert (pull["scope"], pull["state"], pull["errors"]) == ("changes", "succeeded", [])
            await _is_true(tenant, shopify)
            status = "SELECT financial_status AS found FROM store.orders WHERE id = {}"
            [first] = await tenant.rows(status.format(refunded["id"]))
            assert first["found"] == "refunded"
            assert await tenant.rows(status.format(placed["id"])) == [{"found": "paid"}]

            await shopify.ask("DELETE", f"shops/{SHOP}/orders/{placed['id']}")
            await tenant.rows("DELETE FROM store.reconciliations RETURNING 1")
            assert (await tenant.next_pull())["state"] == "succeeded"
            await _is_true(tenant, shopify)
