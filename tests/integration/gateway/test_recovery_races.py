"""Recoveries at once, and beside claims, new memberships and erasures: the database decides."""

import asyncio

import pytest

from libs.common.database.transaction import transaction
from libs.common.errors import InvalidCredentialsError, RecoveryInvalidError
from services.gateway import erasure_repository, repository
from services.gateway.clients import UNKNOWN_CLIENT
from services.gateway.recovery import Candidate, Entry
from tests.integration.gateway.platform import PASSWORD, Platform, code_of, log_in, redeem
from tests.integration.gateway.recovering import (
    NEW_PASSWORD,
    add_member,
    members,
    proof,
    proven_browser,
    reset,
    take_over,
)

ENTRY = Entry(None, UNKNOWN_CLIENT)


@pytest.mark.parametrize("owned", [True, False])
async def test_of_many_takeovers_with_one_proof_exactly_one_succeeds(
    platform: Platform, owned: bool
):
    shop = await platform.new_shop()
    if owned:
        await platform.new_owner(shop, "ada")
    token = proof(platform, shop)
    browsers = [await proven_browser(platform, shop, token) for _ in range(4)]

    answers = await asyncio.gather(
        *(take_over(browser, f"user-{n}") for n, browser in enumerate(browsers))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {code_of(a)[1] for a in answers if a.status_code == 409} == {"RECOVERY_USED"}
    [winner] = [a.json()["user"]["username"] for a in answers if a.status_code == 201]
    assert await members(platform, shop) == {winner: "owner"}


async def test_of_many_takeovers_with_proofs_of_their_own_the_last_one_holds(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browsers = [await proven_browser(platform, shop) for _ in range(4)]

    answers = await asyncio.gather(
        *(take_over(browser, f"user-{n}") for n, browser in enumerate(browsers))
    )

    assert [answer.status_code for answer in answers] == [201] * 4
    [owner] = (await members(platform, shop)).items()
    assert owner[1] == "owner"
    sessions = [await browser.get("/api/auth/session") for browser in browsers]
    alive = [s.json()["user"]["username"] for s in sessions if s.status_code == 200]
    assert alive == [owner[0]]


async def test_claims_and_takeovers_at_once_leave_one_owner(platform: Platform):
    shop = await platform.new_shop()
    claiming = [await platform.new_browser() for _ in range(2)]
    for browser in claiming:
        platform.hold_claim(browser, platform.claim(shop))
    proven = [await proven_browser(platform, shop) for _ in range(2)]

    answers = await asyncio.gather(
        *(redeem(browser, f"claimed-{n}") for n, browser in enumerate(claiming)),
        *(take_over(browser, f"proven-{n}") for n, browser in enumerate(proven)),
    )

    assert {answer.status_code for answer in answers[2:]} == {201}
    [(name, role)] = (await members(platform, shop)).items()
    assert (name.partition("-")[0], role) == ("proven", "owner")


async def test_a_membership_gained_during_a_reset_does_not_slip_through(platform: Platform):
    """Ada becomes a member of another shop while the store owner of hers resets her password."""
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)
    async with transaction(platform.parts.engine) as tx:
        account = await repository.find_account(tx, "ada")
        assert account is not None
        joining = repository.Membership(other.tenant_id, account.id, "other", "owner")
        assert await repository.add_owner(tx, joining)
        resetting = asyncio.create_task(reset(browser))
        await _wait_for_a_lock(platform)

    assert code_of(await resetting) == (409, "RESET_NOT_POSSIBLE")
    assert (await log_in(browser, "ada")).status_code == 200


async def test_an_account_that_was_reset_meanwhile_takes_nothing_over(platform: Platform):
    """Whoever reset the password would otherwise own the other shop too."""
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    parts = platform.parts
    async with transaction(parts.engine) as tx:
        account = await repository.find_account(tx, "ada")
    assert account is not None
    assert (await reset(await proven_browser(platform, shop))).status_code == 201

    proven = parts.proofs.read(proof(platform, other))
    with pytest.raises(InvalidCredentialsError):
        await parts.recoveries.take_over(proven, Candidate.of(account), ENTRY)

    assert await members(platform, other) == {}


async def test_two_takeovers_across_two_shops_do_not_deadlock(platform: Platform):
    first, second = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(first, "ada")
    await platform.new_owner(second, "bea")
    browsers = [await proven_browser(platform, shop) for shop in (first, second)]

    answers = await asyncio.gather(
        take_over(browsers[0], "bea"), take_over(browsers[1], "ada"), return_exceptions=False
    )

    assert [answer.status_code for answer in answers] == [201, 201]
    assert await members(platform, first) == {"bea": "owner"}
    assert await members(platform, second) == {"ada": "owner"}


async def test_an_erased_tenant_cannot_be_recovered(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await platform.execute("DELETE FROM tenancy.tenants WHERE id = $1", shop.tenant_id)

    browser = await proven_browser(platform, shop)
    assert code_of(await take_over(browser, "eve")) == (400, "RECOVERY_INVALID")
    names = await platform.fetch("SELECT username FROM identity.users")
    assert [row["username"] for row in names] == ["ada"]


async def test_an_erasure_at_the_same_moment_leaves_nobody_behind(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    parts = platform.parts
    proven = parts.proofs.read(proof(platform, shop))
    hashed = await parts.passwords.hash(NEW_PASSWORD)
    async with transaction(parts.engine) as tx:
        await erasure_repository.lock_tenant(tx, shop.tenant_id)
        taking = asyncio.create_task(
            parts.recoveries.take_over(proven, Candidate("eve", hashed), ENTRY)
        )
        await _wait_for_a_lock(platform)
        await platform.execute("DELETE FROM tenancy.tenants WHERE id = $1", shop.tenant_id)

    with pytest.raises(RecoveryInvalidError):
        await taking
    assert await members(platform, shop) == {}
    names = await platform.fetch("SELECT username FROM identity.users")
    assert [row["username"] for row in names] == ["ada"]


async def test_the_members_of_another_shop_are_no_candidates_without_their_password(
    platform: Platform,
):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await platform.new_owner(other, "bea")
    await add_member(platform, shop, "bea", "viewer")

    browser = await proven_browser(platform, shop)
    assert code_of(await take_over(browser, "bea", NEW_PASSWORD)) == (409, "USERNAME_TAKEN")
    assert await members(platform, shop) == {"ada": "owner", "bea": "viewer"}
    assert (await take_over(browser, "bea", PASSWORD)).status_code == 201


async def _wait_for_a_lock(platform: Platform) -> None:
    """Until some transaction of this database waits for another."""
    async with asyncio.timeout(30):
        while not await platform.fetch(
            "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE NOT l.granted AND a.datname = current_database()"
        ):
            await asyncio.sleep(0.02)
