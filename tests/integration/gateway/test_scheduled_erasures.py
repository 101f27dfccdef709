"""From the moment an erasure is scheduled nobody sees the tenant's data; when it is cancelled
everybody may come in again. oauth decides, in whatever order its events arrive.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from libs.common.database.notices import listen
from libs.common.errors import ServiceUnavailableError
from services.gateway.erasures import CLOSED_CHANNEL
from services.gateway.events import follow_erasure
from tests.http_servers import serving
from tests.integration.gateway.erasing import (
    begin,
    cancel,
    cancelled,
    gateway_hears,
    join_shop,
    noted_state,
    rows,
    schedule,
    scheduled,
)
from tests.integration.gateway.platform import (
    NOBODY_LISTENS,
    Platform,
    code_of,
    domain_of,
    log_in,
    running_gateway,
)
from tests.integration.gateway.test_live import watching


async def test_access_ends_at_once_and_returns_when_the_erasure_is_cancelled(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    ada, eve = await platform.new_owner(shop, "ada"), await platform.new_owner(other, "eve")

    due_at = await schedule(platform, shop)
    await gateway_hears(platform, scheduled(shop))

    assert code_of(await ada.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    refused = await log_in(ada, "ada")
    assert code_of(refused) == (403, "TENANT_ERASURE_SCHEDULED")
    error = refused.json()["error"]
    assert error["message"].startswith(f"The data of {domain_of(shop.tenant_id)} will be deleted")
    assert error["details"]["shopDomain"] == domain_of(shop.tenant_id)
    assert error["details"]["canBeKept"] is True
    assert error["details"]["dueAt"].removesuffix("+00:00") == due_at.removesuffix("Z")
    assert (await eve.get("/api/auth/session")).status_code == 200

    await cancel(platform, shop)
    await gateway_hears(platform, cancelled(shop))
    assert (await log_in(ada, "ada")).status_code == 200


async def test_only_who_knows_the_password_is_told_of_the_erasure(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await schedule(platform, shop)
    await gateway_hears(platform, scheduled(shop))
    browser = await platform.new_browser()

    wrong = await log_in(browser, "ada", "not the password")

    assert code_of(wrong) == (401, "AUTH_INVALID_CREDENTIALS")


async def test_once_the_erasure_has_begun_sign_in_says_that_nothing_can_be_kept(
    platform: Platform,
):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    await schedule(platform, shop)
    await gateway_hears(platform, scheduled(shop))
    await begin(platform, shop)

    refused = await log_in(ada, "ada")

    assert code_of(refused) == (403, "TENANT_ERASURE_SCHEDULED")
    assert refused.json()["error"]["details"]["canBeKept"] is False
    assert "cannot be kept" in refused.json()["error"]["message"]


async def test_who_belongs_to_another_shop_too_is_signed_in_there(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await join_shop(platform, "ada", other)
    await schedule(platform, shop)
    await gateway_hears(platform, scheduled(shop))
    browser = await platform.new_browser()

    assert (await log_in(browser, "ada")).json()["tenant"]["id"] == str(other.tenant_id)
    await cancel(platform, shop)
    platform.hold_claim(browser, platform.claim(shop))
    assert (await log_in(browser, "ada")).json()["tenant"]["id"] == str(shop.tenant_id)


async def test_while_oauth_is_away_sign_in_says_so_or_opens_another_shop(
    platform: Platform, dashboard: Path
):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await schedule(platform, shop)
    await gateway_hears(platform, scheduled(shop))
    away = {**platform.upstreams, "OAUTH_URL": NOBODY_LISTENS}
    async with running_gateway(platform.database, platform.keys, dashboard, away) as lonely:
        browser = await lonely.new_browser()
        assert code_of(await log_in(browser, "ada")) == (503, "SERVICE_UNAVAILABLE")
        await join_shop(platform, "ada", other)
        assert (await log_in(browser, "ada")).json()["tenant"]["id"] == str(other.tenant_id)


def _events(shop: Any) -> list[Any]:
    return [scheduled(shop), cancelled(shop)]


@pytest.mark.parametrize("truth", ["scheduled", "cancelled"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0), (1, 0, 0, 1), (0,), (1,)])
async def test_events_in_any_order_end_as_oauth_has_it(
    platform: Platform, truth: str, order: tuple[int, ...]
):
    shop = await platform.new_shop()
    ada = await platform.new_owner(shop, "ada")
    await schedule(platform, shop)
    await gateway_hears(platform, scheduled(shop))
    if truth == "cancelled":
        await cancel(platform, shop)

    for number in order:
        await gateway_hears(platform, _events(shop)[number])

    assert await noted_state(platform, shop) == truth
    expected = 200 if truth == "cancelled" else 403
    assert (await log_in(ada, "ada")).status_code == expected


async def test_a_forged_schedule_ends_nobodys_access_and_a_forged_cancel_opens_nothing(
    platform: Platform,
):
    shop, leaving = await platform.new_shop(), await platform.new_shop()
    ada, eve = await platform.new_owner(shop, "ada"), await platform.new_owner(leaving, "eve")
    await schedule(platform, leaving)
    await gateway_hears(platform, scheduled(leaving))

    await gateway_hears(platform, scheduled(shop))
    await gateway_hears(platform, cancelled(leaving))

    assert (await ada.get("/api/auth/session")).status_code == 200
    assert code_of(await log_in(eve, "eve")) == (403, "TENANT_ERASURE_SCHEDULED")


async def test_what_changed_while_oauth_was_asked_is_asked_again(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    parts = platform.parts

    class SlowOauth:
        """The real oauth, whose first answer arrives after a newer one was noted."""

        calls = 0

        async def ask(self, *args: Any, **values: Any) -> Any:
            self.calls += 1
            answer = await parts.oauth.ask(*args, **values)
            if self.calls == 1:
                await gateway_hears(platform, scheduled(shop))
                await cancel(platform, shop)
                await gateway_hears(platform, cancelled(shop))
            return answer

    await schedule(platform, shop)
    oauth = SlowOauth()
    await follow_erasure(scheduled(shop), parts.engine, oauth)

    assert oauth.calls == 2
    assert await noted_state(platform, shop) == "cancelled"


async def test_an_event_waits_while_oauth_is_away(platform: Platform, dashboard: Path):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    away = {**platform.upstreams, "OAUTH_URL": NOBODY_LISTENS}
    async with running_gateway(platform.database, platform.keys, dashboard, away) as lonely:
        with pytest.raises(ServiceUnavailableError):
            await follow_erasure(scheduled(shop), lonely.parts.engine, lonely.parts.oauth)
    assert (await rows(platform))["sessions"] == 1


async def test_live_streams_end_in_every_process_of_the_gateway(
    platform: Platform, dashboard: Path
):
    """Each process hears of it; here the event is handled by the other one."""
    shop, other = await platform.new_shop(), await platform.new_shop()
    for one in (shop, other):
        await one.write(version=1)
    ada, eve = await platform.new_owner(shop, "ada"), await platform.new_owner(other, "eve")
    live = platform.parts.live
    hearing = asyncio.create_task(listen(platform.parts.engine, CLOSED_CHANNEL, live.close_tenant))
    async with (
        running_gateway(platform.database, platform.keys, dashboard, platform.upstreams) as second,
        serving(platform.app) as url,
        watching(url, ada) as of_ada,
        watching(url, eve) as of_eve,
    ):
        await of_ada.next()
        await of_eve.next()
        await schedule(platform, shop)
        await gateway_hears(second, scheduled(shop))
        assert await of_ada.has_ended()
        assert live.watchers(other.tenant_id) == 1
        live.close()
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
