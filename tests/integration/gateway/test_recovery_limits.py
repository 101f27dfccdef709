"""A recovery opens nothing that an erasure, an operator or the limits of signing in have closed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from libs.common.database.notices import listen
from libs.common.events.contracts import TenantConnected
from services.gateway.connections import note_connection
from services.gateway.erasures import CLOSED_CHANNEL
from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.erasing import cancel, schedule
from tests.integration.gateway.platform import Platform, code_of, domain_of
from tests.integration.gateway.recovering import members, proven_browser, reset, take_over


async def test_a_tenant_that_is_to_be_erased_is_recovered_only_when_it_stays(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)
    await schedule(platform, shop)

    for refused in (await reset(browser), await take_over(browser, "bea")):
        assert code_of(refused) == (403, "TENANT_ERASURE_SCHEDULED")
    assert await members(platform, shop) == {"ada": "owner"}

    await cancel(platform, shop)
    assert (await take_over(browser, "bea")).status_code == 201


async def test_a_disabled_account_is_neither_reset_nor_made_the_owner(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await platform.new_owner(other, "bea")
    await platform.execute("UPDATE identity.users SET disabled_at = now()")
    browser = await proven_browser(platform, shop)

    assert code_of(await reset(browser)) == (409, "RESET_NOT_POSSIBLE")
    assert code_of(await take_over(browser, "bea")) == (403, "ACCOUNT_DISABLED")
    assert (await take_over(browser, "cem")).status_code == 201
    assert await members(platform, shop) == {"cem": "owner"}


async def test_one_proof_does_not_try_names_without_end(platform: Platform):
    for number in range(7):
        await platform.new_owner(await platform.new_shop(), f"taken-{number}")
    browser = await proven_browser(platform, await platform.new_shop())

    answers = [
        code_of(await take_over(browser, f"taken-{number}", "a guess at a password"))
        for number in range(7)
    ]

    assert answers[0] == (409, "USERNAME_TAKEN")
    assert answers[-1] == (429, "RATE_LIMITED")


async def _reset(platform: Platform, shop: Shop) -> None:
    assert (await reset(await proven_browser(platform, shop))).status_code == 201


async def _take_over(platform: Platform, shop: Shop) -> None:
    assert (await take_over(await proven_browser(platform, shop), "bea")).status_code == 201


async def _connect_again(platform: Platform, shop: Shop) -> None:
    event = TenantConnected(
        tenant_id=shop.tenant_id,
        shop_domain=domain_of(shop.tenant_id),
        previous_status="disconnected",
    )
    await note_connection(event, platform.parts.engine)


@pytest.mark.parametrize("act", [_reset, _take_over, _connect_again])
async def test_whoever_ends_sessions_tells_every_process_to_end_the_streams(
    platform: Platform, act: Callable[[Platform, Shop], Awaitable[None]]
):
    """What a process does when it hears of it: test_scheduled_erasures.py."""
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    heard: list[str] = []
    hearing = asyncio.create_task(listen(platform.parts.engine, CLOSED_CHANNEL, heard.append))
    await _until_heard(platform, heard, "listening")

    await act(platform, shop)

    async with asyncio.timeout(30):
        while str(shop.tenant_id) not in heard:
            await asyncio.sleep(0.02)
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)


async def _until_heard(platform: Platform, heard: list[str], notice: str) -> None:
    async with asyncio.timeout(30):
        while notice not in heard:
            await platform.execute("SELECT pg_notify($1, $2)", CLOSED_CHANNEL, notice)
            await asyncio.sleep(0.02)
