"""A stranger's signed texts, sent as webhooks of another shop, end nothing.

Shopify signs redirects and webhooks with the same key and algorithm, and a webhook's headers are
not signed: so anybody with a shop of their own has texts with a good signature, and may send them
under any shop's name. The webhooks service, the broker and oauth are the real ones here.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from libs.common.messaging.consumer import consume_deliveries
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import Lane
from services.oauth.handlers import Deliveries
from tests.brokers import Broker
from tests.databases import Database
from tests.factories import webhook_signature
from tests.integration.messaging.queues import running
from tests.integration.oauth.driver import OauthDriver, encoded, new_domain, signed
from tests.integration.oauth.leaving import CONNECTED, Leaver, connected_leaver
from tests.integration.oauth.scripted_shopify import ScriptedShopify
from tests.integration.webhooks.running import Service, service
from tests.integration.webhooks.shopify import SECRET, headers

TOPICS = ("app/uninstalled", "shop/redact")
HOUR = timedelta(hours=1)


@pytest.fixture
async def door(oauth: OauthDriver, database: Database, broker: Broker) -> AsyncIterator[Service]:
    """The front door, with oauth reading its lane behind it."""
    amqp_url = SecretStr(broker.url_for("oauth"))
    async with (
        Publisher(amqp_url, "oauth") as publisher,
        running(
            consume_deliveries(amqp_url, Lane.TENANCY, Deliveries(oauth.engine).apply, publisher)
        ),
        service(database.url_for("webhooks"), broker.url_for("webhooks")) as running_service,
    ):
        yield running_service


@pytest.fixture
async def attacker(oauth: OauthDriver, shopify: ScriptedShopify) -> Leaver:
    return await connected_leaver(oauth, shopify)


async def _send(door: Service, leaver: Leaver, topic: str, body: bytes) -> int:
    given = headers(leaver.domain, body, topic=topic)
    given["X-Shopify-Triggered-At"] = (utc_now() + timedelta(seconds=2)).isoformat()
    return (await door.http.post("/webhooks", content=body, headers=given)).status_code


async def _until_read(door: Service, leaver: Leaver) -> None:
    """Until oauth has read everything that was sent before: the lane keeps its order."""
    scopes = [f"read_{utc_now().timestamp():.0f}"]
    shop = f"gid://shopify/Shop/{leaver.shopify.number_of(leaver.domain)}"
    body = orjson.dumps({"shop_id": shop, "previous": [], "current": scopes})
    assert await _send(door, leaver, "app/scopes_update", body) == 200
    async with asyncio.timeout(60):
        while (await leaver.oauth.tenant(leaver.tenant_id)).json()["scopes"] != scopes:
            await asyncio.sleep(0.05)


async def _as_before(leaver: Leaver) -> None:
    assert await leaver.status() == "active"
    assert await leaver.erasure() is None
    assert await leaver.events() == [CONNECTED]
    assert (await leaver.oauth.token(leaver.tenant_id)).status_code == 200


def _security_events(logs: list[Any]) -> Counter[str]:
    return Counter(line["security_event"] for line in logs if line["event"] == "security_event")


@pytest.mark.parametrize("topic", TOPICS)
async def test_the_signed_query_of_a_stranger_s_connect_is_no_departure(
    oauth: OauthDriver, door: Service, leaver: Leaver, topic: str
):
    begun = await oauth.begin(new_domain())
    query = encoded(begun.parameters).encode()
    hmac = signed(begun.parameters)["hmac"]
    assert base64.b64encode(bytes.fromhex(hmac)).decode() == webhook_signature(query, SECRET)

    # Refused at the door, or by oauth behind it.
    assert await _send(door, leaver, topic, query) in (200, 401)
    await _until_read(door, leaver)
    assert await leaver.states() == []
    await _as_before(leaver)


@pytest.mark.parametrize("topic", TOPICS)
async def test_a_stranger_s_own_genuine_delivery_under_another_name_is_no_departure(
    door: Service, leaver: Leaver, attacker: Leaver, topic: str
):
    with capture_logs() as logs:
        assert await _send(door, leaver, topic, orjson.dumps(attacker.body(topic))) == 200
        await _until_read(door, leaver)

    assert await leaver.states() == []
    await _as_before(leaver)
    assert _security_events(logs) == {"delivery_forged": 1}
    [dead] = [line for line in logs if line["event"] == "item_failed"]
    assert (dead["fate"], dead["reason"]) == ("dead_lettered", "shop_mismatch")


@pytest.mark.parametrize("topic", TOPICS)
async def test_a_well_formed_delivery_of_a_shop_whose_token_works_is_no_departure(
    door: Service, leaver: Leaver, topic: str
):
    with capture_logs() as logs:
        assert await _send(door, leaver, topic, orjson.dumps(leaver.body(topic))) == 200
        await _until_read(door, leaver)
        assert await leaver.states() == ["open"]
        await _as_before(leaver)
        await leaver.oauth.work()
        for _ in range(3):
            await leaver.pass_time(HOUR + timedelta(seconds=5))

    assert await leaver.states() == ["disproved"]
    await _as_before(leaver)
    disproved = "uninstall_disproved" if topic == TOPICS[0] else "redact_disproved"
    assert _security_events(logs) == {disproved: 1}
