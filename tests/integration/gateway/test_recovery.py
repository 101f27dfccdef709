"""Whoever Shopify proves to be the account owner of a shop decides who owns its tenant here, and
over nothing else."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from libs.common.ids import new_id
from tests.integration.gateway.platform import Platform, code_of, domain_of, log_in, redeem
from tests.integration.gateway.recovering import (
    NEW_PASSWORD,
    RECOVERY,
    actions,
    add_member,
    hold_proof,
    members,
    proof,
    proven_browser,
    reset,
    take_over,
)


def _security_events(logs: list) -> list[str]:
    return [line["security_event"] for line in logs if line["event"] == "security_event"]


async def test_the_proof_shows_the_shop_and_the_owners_user_name(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)

    shown = (await browser.get(RECOVERY)).json()

    assert shown["shopDomain"] == domain_of(shop.tenant_id)
    assert (shown["ownerUsername"], shown["canReset"]) == ("ada", True)
    assert shown["expiresAt"].endswith("Z")


async def test_a_reset_gives_a_new_password_and_ends_every_session_of_the_owner(
    platform: Platform,
):
    shop = await platform.new_shop()
    thief = await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)

    with capture_logs() as logs:
        answer = await reset(browser)

    assert answer.status_code == 201
    assert answer.json()["user"]["username"] == "ada"
    assert (await browser.get("/api/auth/session")).json() == answer.json()
    assert code_of(await thief.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert code_of(await log_in(thief, "ada")) == (401, "AUTH_INVALID_CREDENTIALS")
    assert (await log_in(thief, "ada", NEW_PASSWORD)).status_code == 200
    assert await actions(platform, shop) == ["claim_redeemed", "account_recovered"]
    assert _security_events(logs) == ["account_recovered"]
    assert "ada" not in str(logs)
    assert "recovery" not in browser.cookies


async def test_a_takeover_by_a_new_account_leaves_the_former_owner_outside(platform: Platform):
    shop = await platform.new_shop()
    seller = await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)

    with capture_logs() as logs:
        answer = await take_over(browser, "Bea")

    assert answer.status_code == 201
    assert (answer.json()["user"]["username"], answer.json()["tenant"]["role"]) == ("bea", "owner")
    assert await members(platform, shop) == {"bea": "owner"}
    assert code_of(await seller.get("/api/tenants/current")) == (401, "AUTH_SESSION_EXPIRED")
    assert code_of(await log_in(seller, "ada")) == (401, "AUTH_INVALID_CREDENTIALS")
    assert await actions(platform, shop) == ["claim_redeemed", "ownership_taken_over"]
    assert _security_events(logs) == ["ownership_taken_over"]


async def test_a_takeover_ends_every_session_on_the_tenant_and_none_elsewhere(
    platform: Platform,
):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    cem = await platform.new_owner(other, "cem")
    await add_member(platform, shop, "cem", "viewer")
    watching = await platform.new_browser()
    platform.hold_claim(watching, platform.claim(shop))
    assert (await log_in(watching, "cem")).json()["tenant"]["id"] == str(shop.tenant_id)

    assert (await take_over(await proven_browser(platform, shop), "bea")).status_code == 201

    assert code_of(await watching.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert (await cem.get("/api/auth/session")).status_code == 200
    assert await members(platform, shop) == {"bea": "owner", "cem": "viewer"}


async def test_an_account_of_another_shop_takes_over_with_its_own_password(platform: Platform):
    shop, own = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await platform.new_owner(own, "bea")
    browser = await proven_browser(platform, shop)

    guessed = await take_over(browser, "bea", "not the password of bea")
    answer = await take_over(browser, "bea")

    assert code_of(guessed) == (409, "USERNAME_TAKEN")
    assert answer.status_code == 201
    assert answer.json()["tenant"]["id"] == str(shop.tenant_id)
    assert await members(platform, shop) == await members(platform, own) == {"bea": "owner"}


async def test_a_member_becomes_the_owner_by_a_takeover(platform: Platform):
    shop, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(shop, "ada")
    await platform.new_owner(other, "bea")
    await add_member(platform, shop, "bea", "viewer")

    assert (await take_over(await proven_browser(platform, shop), "bea")).status_code == 201
    assert await members(platform, shop) == {"bea": "owner"}


async def test_the_owner_who_knows_the_password_keeps_the_ownership(platform: Platform):
    shop = await platform.new_shop()
    before = await platform.new_owner(shop, "ada")

    assert (await take_over(await proven_browser(platform, shop), "ada")).status_code == 201

    assert await members(platform, shop) == {"ada": "owner"}
    assert code_of(await before.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
    assert await actions(platform, shop) == ["claim_redeemed", "account_recovered"]


async def test_the_proof_of_one_shop_does_not_open_the_owners_other_shops(platform: Platform):
    """Mallory owns one of Ada's shops at Shopify, and wants the other."""
    mallorys, adas = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(mallorys, "ada")
    await add_member(platform, adas, "ada", "owner")
    browser = await proven_browser(platform, mallorys)

    assert (await browser.get(RECOVERY)).json()["canReset"] is False
    assert code_of(await reset(browser)) == (409, "RESET_NOT_POSSIBLE")
    assert code_of(await log_in(browser, "ada", NEW_PASSWORD)) == (401, "AUTH_INVALID_CREDENTIALS")

    ada = await platform.new_browser()
    assert (await log_in(ada, "ada")).status_code == 200
    hold_proof(platform, browser, proof(platform, mallorys))
    assert (await take_over(browser, "mallory")).status_code == 201
    assert await members(platform, adas) == {"ada": "owner"}
    assert await members(platform, mallorys) == {"mallory": "owner"}
    assert (await log_in(ada, "ada")).json()["tenant"]["id"] == str(adas.tenant_id)


async def test_even_a_membership_without_ownership_elsewhere_forbids_the_reset(
    platform: Platform,
):
    mallorys, adas = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(mallorys, "ada")
    await add_member(platform, adas, "ada", "viewer")
    assert code_of(await reset(await proven_browser(platform, mallorys))) == (
        409,
        "RESET_NOT_POSSIBLE",
    )


async def test_without_an_owner_the_proof_is_as_good_as_a_claim(platform: Platform):
    shop = await platform.new_shop()
    browser = await proven_browser(platform, shop)

    shown = (await browser.get(RECOVERY)).json()
    assert (shown["ownerUsername"], shown["canReset"]) == (None, False)
    assert code_of(await reset(browser)) == (409, "RESET_NOT_POSSIBLE")
    assert (await take_over(browser, "ada")).status_code == 201
    assert await actions(platform, shop) == ["claim_redeemed"]
    late = await platform.new_browser()
    platform.hold_claim(late, platform.claim(shop))
    assert code_of(await redeem(late, "eve")) == (409, "TENANT_ALREADY_OWNED")


async def test_a_refusal_leaves_the_proof_as_good_as_before(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)

    with capture_logs() as logs:
        assert code_of(await reset(browser, "short")) == (400, "PASSWORD_REFUSED")
        assert code_of(await take_over(browser, "e")) == (400, "VALIDATION_FAILED")
    assert _security_events(logs) == []
    assert code_of(await browser.post(RECOVERY, json={"mode": "claim", "password": "x"})) == (
        400,
        "VALIDATION_FAILED",
    )
    assert (await reset(browser)).status_code == 201


async def test_a_proof_opens_once(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    token = proof(platform, shop)
    assert (await reset(await proven_browser(platform, shop, token))).status_code == 201

    again = await proven_browser(platform, shop, token)
    for answer in (await again.get(RECOVERY), await reset(again), await take_over(again, "eve")):
        assert code_of(answer) == (409, "RECOVERY_USED")


async def test_a_used_proof_stays_used_when_the_account_it_made_is_gone(platform: Platform):
    shop = await platform.new_shop()
    token = proof(platform, shop)
    assert (await take_over(await proven_browser(platform, shop, token), "bea")).status_code == 201
    assert (await take_over(await proven_browser(platform, shop), "cem")).status_code == 201
    await platform.execute("DELETE FROM identity.users WHERE username = 'bea'")

    again = await take_over(await proven_browser(platform, shop, token), "bea")

    assert code_of(again) == (409, "RECOVERY_USED")
    assert await members(platform, shop) == {"cem": "owner"}


async def test_a_false_or_old_proof_is_refused_and_leaves_an_event(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    facts = {"tenant": str(shop.tenant_id), "shop": "x", "jti": str(new_id()), "person": "p"}
    day, keys = timedelta(days=1), platform.keys
    false = {
        "expired": keys.signer("oauth").sign("gateway:recovery", facts, lifetime=-day),
        "of another service": keys.signer("webhooks").sign("gateway:recovery", facts, lifetime=day),
        "a claim": platform.claim(shop),
        "a caller token": keys.signer("oauth").sign("gateway", facts, lifetime=day),
        "without an id": keys.signer("oauth").sign(
            "gateway:recovery", {**facts, "jti": None}, lifetime=day
        ),
        "altered": proof(platform, shop)[:-4] + "AAAA",
        "no token": "nonsense",
    }

    with capture_logs() as logs:
        for name, token in false.items():
            browser = await proven_browser(platform, shop, token)
            for answer in (await take_over(browser, "eve"), await browser.get(RECOVERY)):
                assert (name, *code_of(answer)) == (name, 400, "RECOVERY_INVALID")
        without = await reset(await platform.new_browser())
    assert code_of(without) == (404, "RECOVERY_NOT_FOUND")
    assert set(_security_events(logs)) == {"recovery_refused"}
    assert await members(platform, shop) == {"ada": "owner"}


async def test_a_proof_is_no_claim(platform: Platform):
    shop = await platform.new_shop()
    browser = await platform.new_browser()
    platform.hold_claim(browser, proof(platform, shop))
    assert code_of(await redeem(browser, "eve")) == (400, "CLAIM_INVALID")


async def test_signing_out_takes_the_proof_along(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)
    assert (await browser.post("/api/auth/logout")).status_code == 204
    assert code_of(await browser.get(RECOVERY)) == (404, "RECOVERY_NOT_FOUND")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_cannot_use_the_proof(platform: Platform, site: str):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browser = await proven_browser(platform, shop)
    answer = await browser.post(
        RECOVERY,
        json={"mode": "reset", "password": NEW_PASSWORD},
        headers={"Sec-Fetch-Site": site, "Origin": "https://evil.example"},
    )
    assert code_of(answer) == (403, "ORIGIN_REFUSED")


async def test_behind_https_the_proof_is_in_a_cookie_of_this_host_alone(https_platform: Platform):
    shop = await https_platform.new_shop()
    browser = await proven_browser(https_platform, shop)
    answer = await take_over(browser, "ada")
    assert answer.status_code == 201
    cleared = [c for c in answer.headers.get_list("Set-Cookie") if "recovery" in c]
    assert [c.partition("=")[0] for c in cleared] == ["__Host-recovery"]
