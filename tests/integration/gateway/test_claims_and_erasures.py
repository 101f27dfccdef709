"""A claim opens nothing at any point of an erasure, and leaves no account behind. A claim of a
shop that has connected again in time is as good as any.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest

from services.gateway import erasures
from services.ingestor.privacy.erasure import erase_rows
from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.erasing import (
    TABLES,
    begin,
    cancel,
    cancelled,
    erased,
    gateway_hears,
    ingestor_hears,
    ingestor_of,
    noted_state,
    rows,
    schedule,
    scheduled,
)
from tests.integration.gateway.platform import (
    NOBODY_LISTENS,
    Platform,
    code_of,
    log_in,
    redeem,
    running_gateway,
)

EMPTY = dict.fromkeys(TABLES, 0)
WAITING_FOR_A_LOCK = """
SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND datname = current_database()
"""


async def _begin(platform: Platform, shop: Shop) -> None:
    await begin(platform, shop)


async def _schedule(platform: Platform, shop: Shop) -> None:
    await schedule(platform, shop)


async def _gateway_hears_schedule(platform: Platform, shop: Shop) -> None:
    await gateway_hears(platform, scheduled(shop))


async def _gateway_erases(platform: Platform, shop: Shop) -> None:
    await gateway_hears(platform, erased(shop))


async def _ingestor_closes(platform: Platform, shop: Shop) -> None:
    """The ingestor has erased its rows and was stopped before its report."""
    async with ingestor_of(platform) as (engine, _oauth):
        await erase_rows(engine, shop.tenant_id, erased(shop).occurred_at)


async def _ingestor_erases(platform: Platform, shop: Shop) -> None:
    await ingestor_hears(platform, erased(shop))


STEPS: dict[str, Callable[[Platform, Shop], Awaitable[None]]] = {
    "scheduled in oauth": _schedule,
    "scheduled, and the gateway has heard": _gateway_hears_schedule,
    "running in oauth": _begin,
    "erased by the gateway": _gateway_erases,
    "erased by the ingestor, not reported": _ingestor_closes,
    "done": _ingestor_erases,
}
OTHER_ORDER = [*list(STEPS)[:3], "erased by the ingestor, not reported", "done"]


async def _holder_of_a_claim(platform: Platform, shop: Shop) -> Any:
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(shop))
    return browser


async def _shop_that_was_owned(platform: Platform) -> Shop:
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    return shop


async def test_a_claim_is_refused_at_every_point_of_an_erasure_and_leaves_no_account(
    platform: Platform,
):
    shop = await _shop_that_was_owned(platform)
    browser = await _holder_of_a_claim(platform, shop)
    refused = {}
    for number, (name, step) in enumerate(STEPS.items()):
        await step(platform, shop)
        refused[name] = code_of(await redeem(browser, f"ghost-{number}"))

    assert refused == {
        **dict.fromkeys(list(STEPS)[:3], (409, "TENANT_ALREADY_OWNED")),
        **dict.fromkeys(list(STEPS)[3:], (400, "CLAIM_INVALID")),
    }
    assert code_of(await browser.get("/api/auth/claim")) == (400, "CLAIM_INVALID")
    assert await rows(platform) == EMPTY


async def test_a_claim_of_a_shop_without_an_owner_is_refused_at_every_point_too(
    platform: Platform,
):
    shop = await platform.new_shop()
    browser = await _holder_of_a_claim(platform, shop)
    refused = []
    for number, name in enumerate(OTHER_ORDER):
        await STEPS[name](platform, shop)
        refused.append(code_of(await redeem(browser, f"ghost-{number}")))

    assert refused[:2] == [(403, "TENANT_ERASURE_SCHEDULED")] * 2
    assert refused[2:] == [(400, "CLAIM_INVALID")] * 3
    assert await rows(platform) == EMPTY
    await _gateway_erases(platform, shop)
    assert await platform.fetch("SELECT 1 FROM tenancy.tenants") == []
    assert code_of(await redeem(browser, "ghost")) == (400, "CLAIM_INVALID")
    assert await rows(platform) == EMPTY


async def test_a_claim_is_not_redeemed_while_oauth_cannot_be_asked(
    platform: Platform, dashboard: Path
):
    shop = await platform.new_shop()
    away = {**platform.upstreams, "OAUTH_URL": NOBODY_LISTENS}
    async with running_gateway(platform.database, platform.keys, dashboard, away) as lonely:
        browser = await _holder_of_a_claim(lonely, shop)
        assert code_of(await redeem(browser, "ada")) == (503, "SERVICE_UNAVAILABLE")
    assert await rows(platform) == EMPTY

    again = await _holder_of_a_claim(platform, shop)
    assert (await redeem(again, "ada")).status_code == 201


@pytest.mark.parametrize("owned", [True, False])
async def test_a_claim_of_a_shop_that_connected_again_works_before_the_event_has_come(
    platform: Platform, owned: bool
):
    shop = await platform.new_shop()
    if owned:
        await platform.new_owner(shop, "ada")
    await schedule(platform, shop)
    await gateway_hears(platform, scheduled(shop))
    assert await noted_state(platform, shop) == "scheduled"

    await cancel(platform, shop)
    browser = await _holder_of_a_claim(platform, shop)
    assert (await browser.get("/api/auth/claim")).json()["needsOwner"] is not owned
    answer = await (log_in(browser, "ada") if owned else redeem(browser, "ada"))

    assert answer.json()["tenant"]["id"] == str(shop.tenant_id)
    await gateway_hears(platform, cancelled(shop))
    await gateway_hears(platform, scheduled(shop))
    assert (await browser.get("/api/auth/session")).status_code == 200


async def test_an_account_that_is_made_while_its_tenant_is_erased_goes_with_it(platform: Platform):
    shop = await platform.new_shop()
    claim = platform.claim(shop)
    browser = await platform.new_browser()
    platform.hold_claim(browser, claim)

    # Redeeming waits for this row with the account made, but not committed.
    async with shop.connection() as connection:
        blocking = connection.transaction()
        await blocking.start()
        await _take_claim(connection, claim)
        redeeming = asyncio.create_task(redeem(browser, "ada"))
        await _until_waiting(platform, 1)
        erasing = asyncio.create_task(erasures.erase(platform.parts.engine, shop.tenant_id))
        await _until_waiting(platform, 2, or_done=erasing)
        await blocking.rollback()
    answer, _ = await asyncio.gather(redeeming, erasing)

    assert answer.status_code == 201
    assert code_of(await browser.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert await rows(platform) == EMPTY


async def test_a_claim_that_is_redeemed_while_its_tenant_is_erased_makes_no_account(
    platform: Platform,
):
    shop = await _shop_that_was_owned(platform)
    browser = await _holder_of_a_claim(platform, shop)

    # The erasure waits for this row with its deletions made, but not committed.
    async with shop.connection() as connection:
        blocking = connection.transaction()
        await blocking.start()
        await connection.execute("SELECT 1 FROM identity.memberships FOR UPDATE")
        erasing = asyncio.create_task(erasures.erase(platform.parts.engine, shop.tenant_id))
        await _until_waiting(platform, 1)
        redeeming = asyncio.create_task(redeem(browser, "ghost"))
        await _until_waiting(platform, 2, or_done=redeeming)
        await blocking.rollback()
    answer, _ = await asyncio.gather(redeeming, erasing)

    assert code_of(answer) == (400, "CLAIM_INVALID")
    assert await rows(platform) == EMPTY


async def _take_claim(connection: Any, claim: str) -> None:
    claim_id = UUID(jwt.decode(claim, options={"verify_signature": False})["jti"])
    [tenant, user] = [UUID(int=1), UUID(int=2)]
    await connection.execute(
        "INSERT INTO tenancy.tenants (id, connected_at) VALUES ($1, now())", tenant
    )
    await connection.execute("INSERT INTO identity.users VALUES ($1, 'blocker', '')", user)
    await connection.execute(
        "INSERT INTO identity.redeemed_claims VALUES ($1, $2, $3, now())", claim_id, tenant, user
    )


async def _until_waiting(
    platform: Platform, number: int, or_done: asyncio.Task[Any] | None = None
) -> None:
    async with asyncio.timeout(60):
        while len(await platform.fetch(WAITING_FOR_A_LOCK)) < number:
            if or_done and or_done.done():
                return
            await asyncio.sleep(0.02)
