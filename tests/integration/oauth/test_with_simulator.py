"""Against a Shopify that keeps the rules: authorize, exchange, refresh under load, uninstall."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from libs.common.clock import utc_now
from libs.common.messaging.records import DeliveryRecord
from services.oauth.handlers import Deliveries
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import SECRET, OauthDriver, running
from tests.integration.simulator.driver import Received, Receiver

SHOP = "toys.myshopify.com"
LINES = (
    "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"
    "1,2026-11-01T10:00:00,1,1,Toy,1,9.50\n"
)


class Simulator:
    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self.http = http
        self.api_url = url + "/{shop}"
        self._control = f"{url}/_control/shops/{SHOP}"

    async def tell(self, action: str, body: dict[str, Any] | None = None) -> None:
        (await self.http.post(f"{self._control}/{action}", json=body)).raise_for_status()

    async def subscribe(self, token: str, topic: str, uri: str) -> None:
        url = f"{self.api_url.replace('{shop}', SHOP)}/admin/api/2026-10/graphql.json"
        query = f"""mutation {{ webhookSubscriptionCreate(topic: {topic},
          webhookSubscription: {{uri: "{uri}"}}) {{ userErrors {{ message }} }} }}"""
        headers = {"X-Shopify-Access-Token": token}
        answer = await self.http.post(url, json={"query": query}, headers=headers)
        assert answer.json()["data"]["webhookSubscriptionCreate"]["userErrors"] == []

    async def takes(self, token: str) -> bool:
        """Whether the Admin API answers to `token`."""
        url = f"{self.api_url.replace('{shop}', SHOP)}/admin/api/2026-10/graphql.json"
        headers = {"X-Shopify-Access-Token": token}
        answer = await self.http.post(url, json={"query": "{shop{name}}"}, headers=headers)
        return answer.status_code == 200 and "errors" not in answer.json()


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    (tmp_path / "lines.csv").write_text(LINES)
    arguments = {
        "--data-dir": str(tmp_path / "data"),
        "--shop": f"{SHOP}={tmp_path / 'lines.csv'}",
        "--api-key": "the-app",
        "--api-secret": SECRET,
    }
    flat = [word for pair in arguments.items() for word in pair]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "libs.simulator", *flat, stdout=PIPE, env=dict(os.environ)
    )
    assert process.stdout is not None
    port = json.loads(await process.stdout.readline())["port"]
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        yield Simulator(http, f"http://127.0.0.1:{port}")
    process.terminate()
    await process.communicate()


@pytest.fixture
async def oauth(
    database: Database, simulator: Simulator, keys: CallerKeys
) -> AsyncIterator[OauthDriver]:
    async with running(database.url_for("oauth"), simulator.api_url, keys) as driver:
        yield driver


async def _walk_through(oauth: OauthDriver, simulator: Simulator) -> UUID:
    """As a browser does it: our door, Shopify's page, our callback."""
    door = await oauth.auth(f"shop={SHOP}")
    page = await simulator.http.get(door.headers["Location"])
    back = urlsplit(page.headers["Location"])
    assert back._replace(query="").geturl() == "http://127.0.0.1:8080/api/shopify/callback"
    answer = await oauth.callback(back.query, door.cookies["install"])
    assert answer.status_code == 303, answer.text
    return await oauth.tenant_of(SHOP)


async def _token(oauth: OauthDriver, tenant_id: UUID) -> str:
    return str((await oauth.token(tenant_id)).json()["accessToken"])


async def test_the_whole_walk_ends_with_a_token_that_shopify_takes(
    oauth: OauthDriver, simulator: Simulator
):
    tenant_id = await _walk_through(oauth, simulator)
    assert await simulator.takes(await _token(oauth, tenant_id))
    assert "read_all_orders" in (await oauth.token(tenant_id)).json()["scopes"]


async def test_fifty_asks_after_the_end_of_a_token_get_one_new_one_that_works(
    oauth: OauthDriver, simulator: Simulator
):
    tenant_id = await _walk_through(oauth, simulator)
    old = await _token(oauth, tenant_id)
    await simulator.tell("tokens/expire")
    await oauth.let_token_expire(tenant_id, utc_now() - timedelta(seconds=1))

    tokens = set(await asyncio.gather(*(_token(oauth, tenant_id) for _ in range(50))))

    assert len(tokens) == 1
    assert tokens != {old}
    assert await simulator.takes(tokens.pop())


async def test_installs_and_refreshes_in_any_order_leave_a_pair_that_works(
    oauth: OauthDriver, simulator: Simulator
):
    tenant_id = await _walk_through(oauth, simulator)

    for _ in range(3):
        await oauth.let_token_expire(tenant_id, utc_now())
        walks = [_walk_through(oauth, simulator) for _ in range(3)]
        asks = [oauth.token(tenant_id) for _ in range(5)]
        await asyncio.gather(*walks, *asks)

    await oauth.let_token_expire(tenant_id, utc_now())
    assert await simulator.takes(await _token(oauth, tenant_id))
    assert await oauth.status_of(tenant_id) == "active"


async def test_after_an_uninstall_the_refresh_says_reconnect_and_connecting_again_helps(
    oauth: OauthDriver, simulator: Simulator
):
    tenant_id = await _walk_through(oauth, simulator)
    await simulator.tell("uninstall")
    await oauth.let_token_expire(tenant_id, utc_now())

    answer = await oauth.token(tenant_id)
    assert answer.json()["error"]["code"] == "RECONNECT_REQUIRED"
    assert await oauth.status_of(tenant_id) == "reconnect_required"

    assert await _walk_through(oauth, simulator) == tenant_id
    assert await simulator.takes(await _token(oauth, tenant_id))


def _record(tenant_id: UUID, received: Received) -> DeliveryRecord:
    return DeliveryRecord(
        id=received.headers["x-shopify-webhook-id"],
        source=received.headers["x-shopify-shop-domain"],
        type=received.topic,
        time=datetime.fromisoformat(received.headers["x-shopify-triggered-at"]),
        tenant_id=tenant_id,
        body=received.body,
    )


async def test_an_uninstall_that_arrives_after_a_quick_reinstall_does_not_undo_it(
    oauth: OauthDriver, simulator: Simulator
):
    async with Receiver() as receiver:
        tenant_id = await _walk_through(oauth, simulator)
        token = await _token(oauth, tenant_id)
        await simulator.subscribe(token, "APP_UNINSTALLED", receiver.uri)
        await simulator.tell("faults", {"uninstallDelay": 5})
        await simulator.tell("uninstall")
        # Shopify dates a token by whole seconds: a reinstall shows from the next one on.
        await asyncio.sleep(1.1)
        assert await _walk_through(oauth, simulator) == tenant_id
        assert receiver.received == []
        [late] = await receiver.wait_for(1)

    await Deliveries(oauth.engine).apply([_record(tenant_id, late)])
    await oauth.work()

    assert await oauth.status_of(tenant_id) == "active"
    assert await simulator.takes(await _token(oauth, tenant_id))


async def test_an_uninstall_of_the_shop_as_it_is_now_disconnects_it(
    oauth: OauthDriver, simulator: Simulator
):
    async with Receiver() as receiver:
        tenant_id = await _walk_through(oauth, simulator)
        token = await _token(oauth, tenant_id)
        await simulator.subscribe(token, "APP_UNINSTALLED", receiver.uri)
        await simulator.tell("uninstall")
        [sent] = await receiver.wait_for(1)

    await Deliveries(oauth.engine).apply([_record(tenant_id, sent)])
    await oauth.work()

    assert await oauth.status_of(tenant_id) == "disconnected"
