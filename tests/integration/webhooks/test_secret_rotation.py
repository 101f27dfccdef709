"""While the client secret is changed, Shopify's deliveries are taken by the older one too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import Database
from tests.integration.simulator.driver import Process, Simulator, until
from tests.integration.webhooks.running import Service
from tests.integration.webhooks.shopify import SECRET, add_shop

_LINES = (
    "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"
    "1,2026-11-01T10:00:00,1,1,Toy,1,9.50\n"
)


@pytest.fixture
async def shop(database: Database, tmp_path: Path) -> AsyncIterator[Simulator]:
    """Connected, and served by the simulator."""
    domain, _ = await add_shop(database)
    (tmp_path / "lines.csv").write_text(_LINES)
    shops = ["--shop", f"{domain}={tmp_path / 'lines.csv'}"]
    process = Process(tmp_path / "data", shops).start()
    async with Simulator(process.base, domain) as made:
        yield await made.install()
    process.stop()


async def test_deliveries_by_the_new_and_the_old_secret_are_taken_and_no_others(
    webhooks: Service, shop: Simulator
):
    await shop.subscribe("ORDERS_CREATE", f"{webhooks.http.base_url}/webhooks")
    secrets = (SECRET, "an older secret", "a secret that was revoked")

    answers = []
    for number, secret in enumerate(secrets, start=1):
        await shop.control("POST", "/faults", {"signWith": secret})
        await shop.order()
        deliveries = await until(
            lambda: shop.control("GET", "/deliveries"),
            lambda found, count=number: (
                len(found["deliveries"]) == count and all(x["tries"] for x in found["deliveries"])
            ),
        )
        answers.append({each["tries"][0]["status"] for each in deliveries["deliveries"]})

    assert answers == [{200}, {200}, {200, 401}]
