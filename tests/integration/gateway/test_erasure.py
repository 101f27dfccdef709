"""An erased tenant leaves nothing behind: no membership, no session, no user of it alone."""

import asyncio
from functools import partial

from pydantic import SecretStr

from libs.common.events.contracts import TenantErased
from libs.common.messaging.consumer import consume_events
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS, EVENTS_GATEWAY
from services.gateway.events import erase_tenant
from tests.brokers import Broker
from tests.integration.gateway.platform import Platform, code_of, domain_of

TABLES = ("users", "memberships", "sessions", "redeemed_claims")


async def _rows(platform: Platform) -> dict[str, int]:
    counts = {}
    for table in TABLES:
        [row] = await platform.fetch(f"SELECT count(*) AS n FROM identity.{table}")
        counts[table] = row["n"]
    return counts


async def test_erasing_forgets_the_tenant_and_replays_change_nothing(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    eve = await platform.new_owner(other, "eve")
    event = TenantErased(tenant_id=shop.tenant_id)

    for _ in range(2):
        await erase_tenant(event, platform.parts.engine, platform.parts.oauth)
        assert await _rows(platform) == dict.fromkeys(TABLES, 1)
    assert code_of(await ada.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert (await eve.get("/api/auth/session")).status_code == 200


async def test_a_user_of_another_shop_stays(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await platform.execute(
        "INSERT INTO identity.memberships (tenant_id, user_id, shop_domain, role)"
        " SELECT $1, id, $2, 'owner' FROM identity.users WHERE username = 'ada'",
        other.tenant_id,
        domain_of(other.tenant_id),
    )

    event = TenantErased(tenant_id=shop.tenant_id)
    await erase_tenant(event, platform.parts.engine, platform.parts.oauth)

    kept = await platform.fetch("SELECT tenant_id FROM identity.memberships")
    assert [row["tenant_id"] for row in kept] == [other.tenant_id]
    assert (await _rows(platform))["users"] == 1


async def test_the_event_arrives_by_the_gateways_own_queue(platform: Platform, broker: Broker):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    parts = platform.parts
    handlers = {TenantErased: partial(erase_tenant, engine=parts.engine, oauth=parts.oauth)}
    url = SecretStr(broker.url_for("gateway"))

    async with (
        Publisher(url, "gateway") as publisher,
        Publisher(SecretStr(broker.url_for("oauth")), "oauth") as oauth,
    ):
        consuming = asyncio.create_task(consume_events(url, EVENTS_GATEWAY, handlers, publisher))
        event = TenantErased(tenant_id=shop.tenant_id)
        await oauth.publish(EVENTS, TenantErased.TYPE, event.to_json())
        async with asyncio.timeout(60):
            while (await _rows(platform))["users"]:
                await asyncio.sleep(0.05)
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)

    assert await _rows(platform) == dict.fromkeys(TABLES, 0)
