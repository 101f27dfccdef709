"""Whoever connected a shop becomes its owner, once; everyone else signs in."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from libs.common.ids import new_id
from tests.integration.gateway.platform import Platform, code_of, domain_of, log_in, redeem


async def test_a_claim_makes_its_bearer_the_owner_and_signs_in(platform: Platform):
    shop = await platform.new_shop()
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(shop))

    claim = (await browser.get("/api/auth/claim")).json()
    answer = await redeem(browser, "Ada")

    assert (claim["tenantId"], claim["shopDomain"], claim["needsOwner"]) == (
        str(shop.tenant_id),
        domain_of(shop.tenant_id),
        True,
    )
    assert answer.status_code == 201
    assert answer.json()["tenant"]["role"] == "owner"
    assert (await browser.get("/api/auth/session")).json() == answer.json()
    assert code_of(await browser.get("/api/auth/claim")) == (404, "CLAIM_NOT_FOUND")


async def test_a_replayed_claim_opens_nothing(platform: Platform):
    shop = await platform.new_shop()
    claim = platform.claim(shop)
    first, thief = await platform.new_browser(), await platform.new_browser()
    for browser in (first, thief):
        platform.hold_claim(browser, claim)
    assert (await redeem(first, "ada")).status_code == 201

    assert code_of(await redeem(thief, "mallory")) == (409, "CLAIM_USED")
    assert (await thief.get("/api/auth/claim")).json()["needsOwner"] is False
    [users] = await platform.fetch("SELECT count(*) AS n FROM identity.users")
    assert users["n"] == 1


async def test_a_later_claim_of_an_owned_shop_leads_to_signing_in(platform: Platform):
    shop = await platform.new_shop()
    await platform.new_owner(shop, "ada")
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(shop))

    assert (await browser.get("/api/auth/claim")).json()["needsOwner"] is False
    assert code_of(await redeem(browser, "eve")) == (409, "TENANT_ALREADY_OWNED")
    assert (await log_in(browser, "ada")).status_code == 200


async def test_a_taken_name_leaves_the_claim_as_good_as_before(platform: Platform):
    await platform.new_owner(await platform.new_shop(), "ada")
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(await platform.new_shop()))

    assert code_of(await redeem(browser, "ADA")) == (409, "USERNAME_TAKEN")
    assert code_of(await redeem(browser, "eve", "short")) == (400, "PASSWORD_REFUSED")
    assert code_of(await redeem(browser, "e")) == (400, "VALIDATION_FAILED")
    assert (await redeem(browser, "eve")).status_code == 201


@pytest.mark.parametrize("same_claim", [True, False])
async def test_of_many_claims_at_once_exactly_one_makes_an_owner(
    platform: Platform, same_claim: bool
):
    shop = await platform.new_shop()
    shared = platform.claim(shop)
    browsers = [await platform.new_browser() for _ in range(4)]
    for browser in browsers:
        platform.hold_claim(browser, shared if same_claim else platform.claim(shop))

    answers = await asyncio.gather(*(redeem(b, f"user-{n}") for n, b in enumerate(browsers)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    refused = "CLAIM_USED" if same_claim else "TENANT_ALREADY_OWNED"
    assert {code_of(a)[1] for a in answers if a.status_code == 409} == {refused}
    [owners] = await platform.fetch(
        "SELECT count(*) AS n FROM identity.memberships WHERE tenant_id = $1", shop.tenant_id
    )
    [users] = await platform.fetch("SELECT count(*) AS n FROM identity.users")
    assert (owners["n"], users["n"]) == (1, 1)


async def test_a_false_or_old_claim_is_refused(platform: Platform):
    shop = await platform.new_shop()
    facts = {"tenant": str(shop.tenant_id), "shop": "x.myshopify.com", "jti": str(new_id())}
    day, keys = timedelta(days=1), platform.keys
    false = {
        "expired": keys.signer("oauth").sign("gateway:claim", facts, lifetime=-day),
        "of another service": keys.signer("webhooks").sign("gateway:claim", facts, lifetime=day),
        "a caller token": keys.signer("oauth").sign("gateway", facts, lifetime=day),
        "without a tenant": keys.signer("oauth").sign(
            "gateway:claim", {"jti": str(uuid4()), "shop": "x"}, lifetime=day
        ),
        "without an id": keys.signer("oauth").sign(
            "gateway:claim", {**facts, "jti": None}, lifetime=day
        ),
        "altered": platform.claim(shop)[:-4] + "AAAA",
        "no token": "nonsense",
    }

    for name, claim in false.items():
        browser = await platform.new_browser()
        platform.hold_claim(browser, claim)
        for answer in (await browser.get("/api/auth/claim"), await redeem(browser, "ada")):
            assert (name, *code_of(answer)) == (name, 400, "CLAIM_INVALID")


async def test_a_claim_of_an_erased_shop_is_refused(platform: Platform):
    shop = await platform.new_shop()
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(shop))
    await platform.execute("DELETE FROM tenancy.tenants WHERE id = $1", shop.tenant_id)

    assert code_of(await redeem(browser, "ada")) == (400, "CLAIM_INVALID")


async def test_signing_in_with_a_claim_of_another_shop_grants_nothing(platform: Platform):
    own, other = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(own, "ada")
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(other))

    session = (await log_in(browser, "ada")).json()

    assert session["tenant"]["id"] == str(own.tenant_id)
    assert (await browser.get("/api/auth/claim")).json()["needsOwner"] is True


async def test_a_member_of_several_shops_sees_the_one_connected_just_now(platform: Platform):
    first, second = await platform.new_shop(), await platform.new_shop()
    await platform.new_owner(first, "ada")
    await platform.execute(
        "INSERT INTO identity.memberships (tenant_id, user_id, shop_domain, role)"
        " SELECT $1, id, $2, 'owner' FROM identity.users WHERE username = 'ada'",
        second.tenant_id,
        domain_of(second.tenant_id),
    )
    browser = await platform.new_browser()

    assert (await log_in(browser, "ada")).json()["tenant"]["id"] == str(first.tenant_id)
    platform.hold_claim(browser, platform.claim(second))
    assert (await log_in(browser, "ada")).json()["tenant"]["id"] == str(second.tenant_id)
    assert "claim" not in browser.cookies


async def test_a_claim_finds_out_few_names_and_stays_good(platform: Platform):
    for name in ("ada", "eve"):
        await platform.new_owner(await platform.new_shop(), name)
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(await platform.new_shop()))

    answers = [await redeem(browser, ["ada", "eve"][number % 2]) for number in range(20)]

    codes = [code_of(answer) for answer in answers]
    assert codes == [(409, "USERNAME_TAKEN")] * 5 + [(429, "RATE_LIMITED")] * 15
    assert int(answers[-1].headers["Retry-After"]) <= 60
    assert (await browser.get("/api/auth/claim")).json()["needsOwner"] is True


async def test_another_claim_at_the_same_address_finds_out_no_more(platform: Platform):
    await platform.new_owner(await platform.new_shop(), "ada")
    answers = []
    for _ in range(8):
        browser = await platform.new_browser()
        platform.hold_claim(browser, platform.claim(await platform.new_shop()))
        answers.append(code_of(await redeem(browser, "ada")))

    assert answers == [(409, "USERNAME_TAKEN")] * 5 + [(429, "RATE_LIMITED")] * 3


@pytest.mark.parametrize(
    ("password", "reason"),
    [("password", "common"), ("Ada-12345"[:8], "known_words"), ("tillstream", "known_words")],
)
async def test_a_claim_is_not_redeemed_with_a_password_that_is_guessed_first(
    platform: Platform, password: str, reason: str
):
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(await platform.new_shop()))

    refused = await redeem(browser, "ada", password)

    assert code_of(refused) == (400, "PASSWORD_REFUSED")
    assert refused.json()["error"]["details"]["reason"] == reason
    assert (await redeem(browser, "ada")).status_code == 201


async def test_redeemed_and_refused_claims_are_recorded(platform: Platform):
    browser = await platform.new_browser()
    platform.hold_claim(browser, platform.claim(await platform.new_shop()))

    with capture_logs() as logs:
        await redeem(browser, "ada", "short")
        await redeem(browser, "ada")
        await redeem(browser, "ada")

    events = [
        (line["security_event"], line.get("reason"))
        for line in logs
        if line["event"] == "security_event"
    ]
    assert events == [
        ("claim_refused", "PASSWORD_REFUSED"),
        ("claim_redeemed", None),
        ("claim_refused", "CLAIM_NOT_FOUND"),
    ]
