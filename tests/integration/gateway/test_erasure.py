"""An erased tenant leaves nothing behind: no membership, no session, no user of it alone. Nobody
deletes anything before oauth has said that it is to go.
"""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from libs.common.errors import PermanentError, ServiceUnavailableError
from libs.common.events.contracts import TenantErased
from libs.common.messaging.consumer import consume_events
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import DEAD_QUEUE, DEFAULT, EVENTS, EVENTS_GATEWAY
from services.gateway.erasures import sweep_users
from services.gateway.events import erase_tenant, event_handlers
from tests.brokers import Broker
from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.erasing import (
    TABLES,
    begin,
    erased,
    gateway_hears,
    join_shop,
    noted_state,
    rows,
    schedule,
)
from tests.integration.gateway.platform import NOBODY_LISTENS, Platform, code_of, running_gateway
from tests.integration.messaging.queues import take_message


async def _begun(platform: Platform, shop: Shop) -> None:
    await schedule(platform, shop)
    await begin(platform, shop)


async def test_erasing_forgets_the_tenant_and_replays_change_nothing(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    eve = await platform.new_owner(other, "eve")
    await _begun(platform, shop)

    for _ in range(2):
        await gateway_hears(platform, erased(shop))
        assert await rows(platform) == dict.fromkeys(TABLES, 1)
    assert code_of(await ada.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert (await eve.get("/api/auth/session")).status_code == 200
    assert await noted_state(platform, shop) == "erased"


async def test_a_user_of_another_shop_stays(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await join_shop(platform, "ada", other)
    await _begun(platform, shop)

    await gateway_hears(platform, erased(shop))

    kept = await platform.fetch("SELECT tenant_id FROM identity.memberships")
    assert [row["tenant_id"] for row in kept] == [other.tenant_id]
    assert (await rows(platform))["users"] == 1


@pytest.mark.parametrize("state", ["none", "scheduled"])
async def test_an_erasure_that_oauth_has_not_begun_deletes_nothing(platform: Platform, state: str):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    if state == "scheduled":
        await schedule(platform, shop)
    before = await rows(platform)

    with pytest.raises(PermanentError) as refusal:
        await gateway_hears(platform, erased(shop))

    assert refusal.value.context["reason"] == "erasure_unknown"
    assert await rows(platform) == before
    assert await noted_state(platform, shop) is None


async def test_nothing_is_deleted_while_oauth_cannot_be_asked(platform: Platform, dashboard: Path):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await _begun(platform, shop)
    away = {**platform.upstreams, "OAUTH_URL": NOBODY_LISTENS}
    async with running_gateway(platform.database, platform.keys, dashboard, away) as lonely:
        with pytest.raises(ServiceUnavailableError):
            await erase_tenant(erased(shop), lonely.parts.engine, lonely.parts.oauth)

    assert await rows(platform) == dict.fromkeys(TABLES, 1)


async def test_nothing_is_deleted_while_oauth_does_not_know_who_asks(
    platform: Platform, dashboard: Path
):
    """A mistake in the keys must not make a real erasure a dead letter."""
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await _begun(platform, shop)
    other_key = type(platform.keys)().private["gateway"]
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        CALLER_PRIVATE_KEY=other_key,
    ) as stranger:
        with pytest.raises(ServiceUnavailableError):
            await erase_tenant(erased(shop), stranger.parts.engine, stranger.parts.oauth)

    assert await rows(platform) == dict.fromkeys(TABLES, 1)


async def test_a_forged_event_in_the_gateways_queue_deletes_nothing_and_a_real_one_does(
    platform: Platform, broker: Broker
):
    shop, leaving = await platform.new_shop(), await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    await platform.new_owner(leaving, "eve")
    await _begun(platform, leaving)
    parts = platform.parts
    handlers = event_handlers(parts.engine, parts.oauth)
    url = SecretStr(broker.url_for("gateway"))

    async with (
        Publisher(SecretStr(broker.url), "hostile") as hostile,
        Publisher(url, "gateway") as publisher,
        Publisher(SecretStr(broker.url_for("oauth")), "oauth") as oauth,
    ):
        consuming = asyncio.create_task(consume_events(url, EVENTS_GATEWAY, handlers, publisher))
        headers = {"x-event-type": TenantErased.TYPE}
        forged = erased(shop).to_json()
        await hostile.publish(DEFAULT, EVENTS_GATEWAY, forged, headers=headers)
        await oauth.publish(EVENTS, TenantErased.TYPE, erased(leaving).to_json())
        letter = await take_message(broker.url, DEAD_QUEUE)
        async with asyncio.timeout(60):
            while (await rows(platform))["users"] == 2:
                await asyncio.sleep(0.05)
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)

    assert (letter.headers["x-reason"], letter.body) == ("erasure_unknown", forged)
    assert (await ada.get("/api/auth/session")).status_code == 200
    assert await rows(platform) == dict.fromkeys(TABLES, 1)


async def test_users_without_a_shop_are_swept_but_not_one_who_is_just_signing_up(
    platform: Platform,
):
    await platform.new_owner(await platform.new_shop(), "ada")
    add = (
        "INSERT INTO identity.users (username, password_hash, created_at)"
        " SELECT $1 || n, '', now() - make_interval(mins => $2) FROM generate_series(1, $3) AS n"
    )
    await platform.execute("UPDATE identity.users SET created_at = now() - interval '2 hours'")
    await platform.execute(add, "ghost", 61, 1_100)
    await platform.execute(add, "new", 59, 2)

    await sweep_users(platform.parts.engine)

    names = await platform.fetch("SELECT username FROM identity.users ORDER BY username")
    assert [row["username"] for row in names] == ["ada", "new1", "new2"]


async def test_a_user_who_becomes_a_member_during_the_sweep_stays_one(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await platform.execute("UPDATE identity.users SET created_at = now() - interval '2 hours'")
    await platform.execute("DELETE FROM identity.memberships")
    async with shop.connection() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO identity.memberships (tenant_id, user_id, shop_domain, role)"
            " SELECT $1, id, 'x', 'owner' FROM identity.users",
            other.tenant_id,
        )
        await sweep_users(platform.parts.engine)

    counts = await rows(platform)
    assert (counts["users"], counts["memberships"]) == (1, 1)
