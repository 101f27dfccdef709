"""What was done to a tenant's accounts is told: all of it to the owner, some of it to everybody,
and nothing of it to other tenants."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from libs.common.clock import utc_now
from libs.common.events.contracts import TenantConnected
from libs.common.messaging.consumer import consume_events
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS, EVENTS_GATEWAY
from services.gateway.connections import note_connection
from tests.brokers import Broker
from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.platform import Platform, code_of, domain_of, log_in
from tests.integration.gateway.recovering import (
    actions,
    add_member,
    proven_browser,
    reset,
    take_over,
)

NOTICES = "/api/tenants/current/notices"
LOG = "/api/tenants/current/audit-log"


def _connected(shop: Shop, previous_status: str | None, **values: Any) -> TenantConnected:
    return TenantConnected(
        tenant_id=shop.tenant_id,
        shop_domain=domain_of(shop.tenant_id),
        previous_status=previous_status,
        **values,
    )


async def _told(browser: httpx.AsyncClient) -> list[tuple[str, str | None, str | None]]:
    notices = (await browser.get(NOTICES)).json()["notices"]
    return [(n["action"], n["username"], n["formerOwner"]) for n in notices]


async def _viewer(platform: Platform, shop: Shop, username: str) -> httpx.AsyncClient:
    """A member of `shop`, who owns another one, looking at it."""
    await platform.new_owner(await platform.new_shop(), username)
    await add_member(platform, shop, username, "viewer")
    return await _look_at(platform, shop, username)


async def _look_at(platform: Platform, shop: Shop, username: str) -> httpx.AsyncClient:
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(shop))
    assert (await log_in(browser, username)).json()["tenant"]["id"] == str(shop.tenant_id)
    return browser


async def test_members_are_told_of_a_takeover_until_they_dismiss_it(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await _viewer(platform, shop, "cem")
    owner = await proven_browser(platform, shop)
    assert (await take_over(owner, "bea")).status_code == 201
    cem = await _look_at(platform, shop, "cem")

    told = (await cem.get(NOTICES)).json()["notices"]
    assert await _told(owner) == []
    assert [(n["action"], n["username"], n["formerOwner"]) for n in told] == [
        ("ownership_taken_over", "bea", "ada")
    ]
    assert (await cem.post(f"{NOTICES}/seen", json={"until": told[0]["at"]})).status_code == 204

    assert await _told(cem) == []
    assert [row["action"] for row in (await owner.get(LOG)).json()["entries"]] == [
        "ownership_taken_over",
        "claim_redeemed",
    ]


async def test_what_comes_after_the_notices_shown_is_not_dismissed_with_them(platform: Platform):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    await note_connection(_connected(shop, "active"), platform.parts.engine)
    [shown] = (await ada.get(NOTICES)).json()["notices"]
    await note_connection(_connected(shop, "active"), platform.parts.engine)

    await ada.post(f"{NOTICES}/seen", json={"until": shown["at"]})

    assert await _told(ada) == [("shop_reconnected", None, None)]
    far = (utc_now() + timedelta(days=9)).isoformat()
    await ada.post(f"{NOTICES}/seen", json={"until": far})
    assert await _told(ada) == []
    await note_connection(_connected(shop, "active"), platform.parts.engine)
    assert await _told(ada) == [("shop_reconnected", None, None)]
    await ada.post(f"{NOTICES}/seen", json={"until": "2020-01-01T00:00:00Z"})
    assert len(await _told(ada)) == 1
    assert code_of(await ada.post(f"{NOTICES}/seen", json={"until": "yes"})) == (
        400,
        "VALIDATION_FAILED",
    )


async def test_a_new_member_is_not_told_of_what_was_before(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await note_connection(_connected(shop, "active"), platform.parts.engine)
    assert await _told(await _viewer(platform, shop, "cem")) == []


async def test_the_log_and_the_notices_of_a_tenant_are_its_own(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    eve = await platform.new_owner(other, "eve")
    await note_connection(_connected(shop, "disconnected"), platform.parts.engine)
    assert (await reset(await proven_browser(platform, shop))).status_code == 201

    assert await _told(eve) == []
    [entry] = (await eve.get(LOG)).json()["entries"]
    assert (entry["action"], entry["username"]) == ("claim_redeemed", "eve")


async def test_only_the_owner_reads_the_log_and_nobody_without_a_session(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    cem = await _viewer(platform, shop, "cem")
    assert code_of(await cem.get(LOG)) == (403, "OWNER_REQUIRED")
    nobody = await platform.new_browser()
    for answer in (
        await nobody.get(LOG),
        await nobody.get(NOTICES),
        await nobody.post(f"{NOTICES}/seen", json={"until": "2026-01-01T00:00:00Z"}),
    ):
        assert code_of(answer) == (401, "AUTH_SESSION_EXPIRED")


async def test_the_log_is_read_page_by_page(platform: Platform):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    for _ in range(5):
        await note_connection(_connected(shop, "active"), platform.parts.engine)

    seen: list[dict[str, Any]] = []
    while page := (await ada.get(LOG, params=_page(seen))).json()["entries"]:
        assert len(page) <= 2
        seen += page

    assert [entry["action"] for entry in seen] == ["shop_reconnected"] * 5 + ["claim_redeemed"]
    times = [datetime.fromisoformat(entry["at"]) for entry in seen]
    assert times == sorted(times, reverse=True)
    assert code_of(await ada.get(LOG, params={"limit": 101})) == (400, "VALIDATION_FAILED")


def _page(seen: list[dict[str, Any]]) -> dict[str, str]:
    return {"limit": "2"} | ({"before": seen[-1]["at"]} if seen else {})


@pytest.mark.parametrize("before", ["disconnected", "reconnect_required"])
async def test_a_shop_connected_again_ends_the_sessions_begun_before(
    platform: Platform, before: str
):
    """The shop may have been sold meanwhile."""
    shop, other = await platform.new_shop(), await platform.new_shop()
    seller = await platform.new_owner(shop, "ada")
    stranger = await platform.new_owner(other, "eve")
    event = _connected(shop, before)
    later = await _look_at(platform, shop, "ada")

    for _ in range(2):
        await note_connection(event, platform.parts.engine)

    assert code_of(await seller.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert (await stranger.get("/api/auth/session")).status_code == 200
    assert await _told(later) == [("shop_reconnected", None, None)]
    assert await actions(platform, shop) == ["claim_redeemed", "shop_reconnected"]


async def test_a_connected_shop_that_is_connected_again_ends_no_session(platform: Platform):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    await note_connection(_connected(shop, "active"), platform.parts.engine)
    assert await _told(ada) == [("shop_reconnected", None, None)]


async def test_the_first_connection_is_in_the_log_and_no_notice(platform: Platform):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    await note_connection(_connected(shop, None), platform.parts.engine)
    assert await _told(ada) == []
    assert (await ada.get(LOG)).json()["entries"][0]["action"] == "shop_connected"


async def test_a_connection_of_an_erased_tenant_changes_nothing(platform: Platform):
    shop = await platform.new_shop()
    await platform.execute("DELETE FROM tenancy.tenants WHERE id = $1", shop.tenant_id)
    await note_connection(_connected(shop, "disconnected"), platform.parts.engine)
    assert await actions(platform, shop) == []


async def test_a_connection_arrives_by_the_gateways_own_queue(platform: Platform, broker: Broker):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    handlers = {TenantConnected: partial(note_connection, engine=platform.parts.engine)}
    url = SecretStr(broker.url_for("gateway"))
    async with (
        Publisher(url, "gateway") as publisher,
        Publisher(SecretStr(broker.url_for("oauth")), "oauth") as oauth,
    ):
        consuming = asyncio.create_task(consume_events(url, EVENTS_GATEWAY, handlers, publisher))
        event = _connected(shop, "active")
        await oauth.publish(EVENTS, TenantConnected.TYPE, event.to_json())
        async with asyncio.timeout(60):
            while not await _told(ada):
                await asyncio.sleep(0.05)
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
