"""However much changed at once, a pull reads each of it once and comes to its end."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls import changes
from tests.integration.pulls.simulated import COLUMNS, InstalledShops, simulator
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "many.myshopify.com"
A_PAGE, CUSTOMERS = 250, 600
DAY = datetime(2025, 3, 3, tzinfo=UTC)
_BACK = (
    "UPDATE store.watermarks SET updated_at = '2025-03-03' WHERE entity = 'customers' RETURNING 1"
)
_READ_UP_TO = "SELECT updated_at > now() - interval '1 day' AS now FROM store.watermarks"


async def test_a_day_with_more_changed_customers_than_a_set_has_is_read_once(
    tmp_path: Path,
    engine: AsyncEngine,
    publisher: Publisher,
    tenant: PulledTenant,
    monkeypatch: pytest.MonkeyPatch,
):
    """Shopify searches a customer's updated_at by whole days, and ends a set early."""
    monkeypatch.setattr(changes, "_SET_AT_MOST", A_PAGE)
    with (tmp_path / "shop.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(CUSTOMERS):
            placed = (DAY + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S")
            writer.writerow([f"A{number}", placed, f"C{number}", "P1", "Tee", 1, "5.00"])
    shops, shop = InstalledShops(), f"{SHOP}={tmp_path / 'shop.csv'}"
    async with simulator(tmp_path / "simulator", "--shop", shop) as shopify:
        shops.by_tenant[tenant.id] = await shopify.install(SHOP)
        async with working(engine, publisher, shopify, shops):
            assert (await tenant.until_ended())["state"] == "succeeded"
            await tenant.rows(_BACK)
            pull = await tenant.next_pull()
    assert (pull["scope"], pull["state"]) == ("changes", "succeeded")
    assert (await tenant.entities())["customers"] == ("done", CUSTOMERS)
    assert await tenant.rows(f"{_READ_UP_TO} WHERE entity = 'customers'") == [{"now": True}]
