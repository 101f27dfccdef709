"""The pulls process as a whole: an event from the broker becomes a pull, and hints tell of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.events.contracts import PullProgressed, StoreChanged, TenantConnected
from libs.common.messaging.consumer import listen_to_hints
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS
from libs.common.workers import Workers
from services.ingestor.pulls.worker import run_pulls
from services.ingestor.settings import IngestorSettings
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.pulls.simulated import InstalledShops, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, connected, working

SHOP = "run.myshopify.com"


@pytest.fixture
def settings(database: Database, broker: Broker) -> IngestorSettings:
    keys = CallerKeys()
    return IngestorSettings.from_environment(
        {
            "PORT": "0",
            "DATABASE_URL": database.url_for("ingestor"),
            "AMQP_URL": broker.url_for("ingestor"),
            "OAUTH_URL": "http://127.0.0.1:9",
            "WEBHOOKS_URL": "http://127.0.0.1:9",
            "CALLER_PRIVATE_KEY": keys.private["ingestor"],
            "CALLER_PUBLIC_KEYS": keys.public_list,
        }
    )


@pytest.fixture
async def hints(broker: Broker) -> AsyncIterator[list[tuple[str, Any]]]:
    heard: list[tuple[str, Any]] = []

    async def hear(kind: str, body: bytes) -> None:
        heard.append((kind, json.loads(body)))

    url = SecretStr(broker.url_for("gateway"))
    listening = asyncio.create_task(listen_to_hints(url, "tests", hear))
    await asyncio.sleep(0.5)
    yield heard
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_connected_tenant_is_pulled_and_waits_while_oauth_is_away(
    broker: Broker,
    engine: AsyncEngine,
    publisher: Publisher,
    settings: IngestorSettings,
    tenant_id: UUID,
):
    event = TenantConnected(tenant_id=tenant_id, shop_domain=SHOP)
    tenant = PulledTenant(engine, tenant_id)
    async with Publisher(SecretStr(broker.url_for("oauth")), "oauth") as oauth:
        await oauth.publish(EVENTS, event.TYPE, event.to_json(), timeout_seconds=10)
    running = asyncio.create_task(run_pulls(settings, engine, publisher, Workers()))
    async with asyncio.timeout(60):
        while not await tenant.rows("SELECT id FROM store.pulls WHERE errors <> '[]'"):
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    pull = await tenant.pull()
    assert (pull["id"], pull["state"]) == (str(event.event_id), "running")
    assert [error["code"] for error in pull["errors"]] == ["SERVICE_UNAVAILABLE"]


async def test_hints_tell_of_the_first_step_the_last_and_the_data(
    hints: list[tuple[str, Any]],
    engine: AsyncEngine,
    publisher: Publisher,
    tenant_id: UUID,
    tmp_path: Path,
):
    tenant = PulledTenant(engine, tenant_id)
    await tenant.queue()
    shops = InstalledShops()
    file = write_shop(tmp_path / "run.csv", orders=30)
    async with simulator(tmp_path / "simulator", "--shop", f"{SHOP}={file}") as shopify:
        shops.by_tenant[tenant_id] = await shopify.install(SHOP)
        async with working(engine, publisher, shopify, shops):
            ended = await tenant.until_ended()
            async with asyncio.timeout(30):
                while ended not in (pulls := _bodies(hints, PullProgressed.TYPE, "pull")):
                    await asyncio.sleep(0.05)
    assert pulls[0]["state"] == "running"
    assert {body["tenantId"] for _, body in hints} == {str(tenant_id)}
    [version] = await tenant.rows("SELECT version FROM store.versions")
    assert _bodies(hints, StoreChanged.TYPE, "dataVersion")[-1] == version["version"]


def _bodies(hints: list[tuple[str, Any]], kind: str, field: str) -> list[Any]:
    return [body[field] for heard, body in hints if heard == kind]


async def test_large_shops_wait_for_each_other_and_no_small_shop_for_them(
    engine: AsyncEngine, publisher: Publisher, database: Database, tmp_path: Path
):
    large = write_shop(tmp_path / "large.csv", orders=5_100, lines=1)
    small = write_shop(tmp_path / "small.csv", orders=30)
    files = {f"large-{n}.myshopify.com": large for n in range(3)} | {SHOP: small}
    arguments = [part for domain, file in files.items() for part in ("--shop", f"{domain}={file}")]
    shops, tenants = InstalledShops(), {}
    async with simulator(tmp_path / "simulator", *arguments) as shopify:
        for domain in files:
            tenant = PulledTenant(engine, await connected(database))
            shops.by_tenant[tenant.id] = await shopify.install(domain)
            await shopify.faults(domain, bulkHangs=domain != SHOP)
            await tenant.queue()
            tenants[domain] = tenant
        async with working(engine, publisher, shopify, shops, slots=3):
            ended = await tenants.pop(SHOP).until_ended()
            held = [(await tenant.pull())["state"] for tenant in tenants.values()]
    assert ended["state"] == "succeeded"
    assert held == ["running"] * 3
