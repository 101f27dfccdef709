"""A user changes the password and sees and ends sessions; what is ended opens nothing any more."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from tests.integration.gateway.platform import PASSWORD, Platform, code_of, log_in

NEW = "four unrelated green words"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
SESSION = "/api/auth/session"
SESSIONS = "/api/auth/sessions"


async def _change(
    browser: httpx.AsyncClient, new: str = NEW, current: str = PASSWORD
) -> httpx.Response:
    body = {"currentPassword": current, "newPassword": new}
    return await browser.post("/api/auth/password", json=body)


async def signed_in(platform: Platform, username: str = "ada") -> httpx.AsyncClient:
    browser = await platform.new_browser()
    assert (await log_in(browser, username)).status_code == 200
    return browser


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    answer = await browser.get(SESSION)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def test_a_new_password_takes_the_place_of_the_old_one(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")

    answer = await _change(ada)

    assert answer.status_code == 200
    assert answer.json() == (await ada.get(SESSION)).json()
    other = await platform.new_browser()
    assert code_of(await log_in(other, "ada")) == (401, "AUTH_INVALID_CREDENTIALS")
    assert (await log_in(other, "ada", NEW)).status_code == 200


async def test_a_new_password_ends_all_other_sessions_and_renews_this_one(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    others = [await signed_in(platform) for _ in range(3)]
    stolen = await platform.new_browser()
    stolen.headers["Cookie"] = f"session={ada.cookies['session']}"
    eve = await platform.new_owner(await platform.new_shop(), "eve")

    assert (await _change(ada)).status_code == 200

    assert await is_signed_in(ada)
    assert [await is_signed_in(other) for other in (*others, stolen)] == [False] * 4
    assert await is_signed_in(eve)


async def test_a_new_password_makes_other_known_browsers_strangers(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    other = await signed_in(platform)
    before = other.cookies["device"]

    assert (await _change(ada)).status_code == 200
    with capture_logs() as logs:
        await log_in(other, "ada")
        await log_in(ada, "ada")

    assert other.cookies["device"] == before
    refused = [line for line in logs if line.get("security_event") == "sign_in_refused"]
    assert [line["known_browser"] for line in refused] == [False, True]


async def test_without_the_current_password_nothing_changes(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    other = await signed_in(platform)

    refused = await _change(ada, current="a guess")

    assert code_of(refused) == (403, "PASSWORD_CONFIRMATION_FAILED")
    assert await is_signed_in(ada)
    assert await is_signed_in(other)
    assert (await log_in(await platform.new_browser(), "ada")).status_code == 200


async def test_a_stolen_cookie_cannot_guess_on_and_the_owner_is_not_held_up(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    stolen = await platform.new_browser()
    stolen.headers["Cookie"] = f"session={ada.cookies['session']}"
    other = await signed_in(platform)

    answers = [await _change(stolen, current=f"guess {number}") for number in range(8)]

    assert [answer.status_code for answer in answers] == [403] * 5 + [429] * 3
    assert int(answers[-1].headers["Retry-After"]) <= 30
    assert (await _change(other)).status_code == 200


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        *(("short", "too_short"), ("x" * 257, "too_long"), ("password1", "common")),
        *(("ADA-ada-12", "known_words"), ("tillstream!", "known_words"), (PASSWORD, "same")),
    ],
)
async def test_a_weak_new_password_is_refused_with_the_reason(
    platform: Platform, new: str, reason: str
):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    other = await signed_in(platform)

    with capture_logs() as logs:
        refused = await _change(ada, new)

    assert code_of(refused) == (400, "PASSWORD_REFUSED")
    assert refused.json()["error"]["details"]["reason"] == reason
    assert await is_signed_in(other)
    assert "password_refused" in {line.get("security_event") for line in logs}


async def test_a_change_is_recorded_with_the_number_of_sessions_it_ended(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    await signed_in(platform)

    with capture_logs() as logs:
        await _change(ada)

    events = {line["security_event"]: line for line in logs if line["event"] == "security_event"}
    assert set(events) == {"password_changed", "sessions_ended"}
    assert events["sessions_ended"]["sessions"] == 1
    assert "ada" not in str(events)


async def test_of_two_changes_at_once_one_holds(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    other = await signed_in(platform)
    wanted = [f"{NEW} {number}" for number in range(2)]

    answers = await asyncio.gather(_change(ada, wanted[0]), _change(other, wanted[1]))

    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) in ([200, 401], [200, 403])
    held = wanted[statuses.index(200)]
    assert (await log_in(await platform.new_browser(), "ada", held)).status_code == 200


async def test_a_sign_in_with_the_old_password_does_not_outlive_the_change(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    others = [await platform.new_browser() for _ in range(6)]

    await asyncio.gather(_change(ada), *(log_in(other, "ada") for other in others))

    assert await is_signed_in(ada)
    assert [await is_signed_in(other) for other in others] == [False] * len(others)


async def test_the_list_names_every_session_and_which_is_this_one(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    await platform.new_owner(await platform.new_shop(), "eve")
    other = await platform.new_browser()
    other.headers["User-Agent"] = FIREFOX
    await log_in(other, "ada")

    listed = (await other.get(SESSIONS)).json()["sessions"]

    assert [one["isCurrent"] for one in listed] == [True, False]
    assert listed[0]["device"] == "Firefox on Windows"
    assert listed[0]["network"] == "127.0.0.0/24"
    created = datetime.fromisoformat(listed[0]["createdAt"])
    assert datetime.now(UTC) - created < timedelta(minutes=5)
    assert datetime.fromisoformat(listed[0]["expiresAt"]) == created + timedelta(hours=24)
    assert datetime.fromisoformat(listed[0]["lastSeenAt"]) == created
    assert [one["isCurrent"] for one in (await ada.get(SESSIONS)).json()["sessions"]] == [
        False,
        True,
    ]


async def test_the_list_holds_neither_a_token_nor_its_hash(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    [row] = await platform.fetch("SELECT token_hash FROM identity.sessions")

    answer = await ada.get(SESSIONS)

    assert ada.cookies["session"] not in answer.text
    assert row["token_hash"].hex() not in answer.text.replace("-", "")
    thief = await platform.new_browser()
    thief.headers["Cookie"] = f"session={answer.json()['sessions'][0]['id']}"
    assert not await is_signed_in(thief)


async def test_one_session_can_be_ended_and_the_others_stay(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    first, second = await signed_in(platform), await signed_in(platform)
    [session_id] = [
        one["id"] for one in (await first.get(SESSIONS)).json()["sessions"] if one["isCurrent"]
    ]

    answer = await ada.delete(f"{SESSIONS}/{session_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert [await is_signed_in(one) for one in (ada, first, second)] == [True, False, True]
    assert code_of(await ada.delete(f"{SESSIONS}/{session_id}")) == (404, "SESSION_NOT_FOUND")


async def test_nobody_ends_the_session_of_another_user(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    eve = await platform.new_owner(await platform.new_shop(), "eve")
    [session] = (await ada.get(SESSIONS)).json()["sessions"]

    assert code_of(await eve.delete(f"{SESSIONS}/{session['id']}")) == (404, "SESSION_NOT_FOUND")
    assert (await eve.delete(SESSIONS)).json() == {"ended": 0}
    assert await is_signed_in(ada)


async def test_all_others_end_at_once_and_this_one_stays(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    others = [await signed_in(platform) for _ in range(3)]

    assert (await ada.delete(SESSIONS)).json() == {"ended": 3}

    assert [await is_signed_in(one) for one in (ada, *others)] == [True, False, False, False]


async def test_ending_the_own_session_signs_out_and_takes_the_claim_along(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    platform.hold_claim(ada, platform.claim(await platform.new_shop()))
    [session] = (await ada.get(SESSIONS)).json()["sessions"]

    answer = await ada.delete(f"{SESSIONS}/{session['id']}")

    cleared = {one.partition("=")[0] for one in answer.headers.get_list("Set-Cookie")}
    assert cleared == {"session", "claim"}
    assert not await is_signed_in(ada)


async def test_signing_out_takes_the_claim_along(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    platform.hold_claim(ada, platform.claim(await platform.new_shop()))
    assert (await ada.get("/api/auth/claim")).status_code == 200

    await ada.post("/api/auth/logout")

    assert code_of(await ada.get("/api/auth/claim")) == (404, "CLAIM_NOT_FOUND")


@pytest.mark.parametrize("path", ["/password", "/sessions", f"/sessions/{'0' * 32}"])
async def test_signed_out_nothing_of_it_is_open(platform: Platform, path: str):
    browser = await platform.new_browser()
    method = "POST" if path == "/password" else "DELETE"
    body = {"currentPassword": PASSWORD, "newPassword": NEW}

    answer = await browser.request(method, f"/api/auth{path}", json=body)

    assert code_of(answer) == (401, "AUTH_SESSION_EXPIRED")
