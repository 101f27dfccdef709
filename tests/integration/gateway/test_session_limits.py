"""A session that is not used ends, and a user has only so many."""

from datetime import timedelta

from services.gateway.sessions import MAX_SESSIONS_PER_USER
from tests.integration.gateway.platform import Platform
from tests.integration.gateway.test_account import SESSIONS, is_signed_in, signed_in


async def test_a_session_that_is_not_used_ends(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    idle = platform.parts.settings.session_idle_limit
    statement = "UPDATE identity.sessions SET last_seen_at = now() - $1::interval"

    await platform.execute(statement, idle - timedelta(minutes=1))
    assert await is_signed_in(ada)
    await platform.execute(statement, idle + timedelta(seconds=1))

    assert not await is_signed_in(ada)
    assert (await (await signed_in(platform)).get(SESSIONS)).json()["sessions"][1:] == []


async def test_use_is_noted_and_at_most_once_a_minute(platform: Platform):
    ada = await platform.new_owner(await platform.new_shop(), "ada")
    query = "SELECT last_seen_at, xmin::text AS version FROM identity.sessions"
    [begun] = await platform.fetch(query)

    for _ in range(3):
        assert await is_signed_in(ada)
    assert await platform.fetch(query) == [begun]
    await platform.execute("UPDATE identity.sessions SET last_seen_at = now() - interval '2 min'")
    for _ in range(3):
        assert await is_signed_in(ada)

    [noted] = await platform.fetch(query)
    assert noted["last_seen_at"] >= begun["last_seen_at"]


async def test_a_user_has_so_many_sessions_and_the_one_not_seen_for_longest_ends(
    platform: Platform,
):
    first = await platform.new_owner(await platform.new_shop(), "ada")
    second = await signed_in(platform)
    await platform.execute("UPDATE identity.sessions SET last_seen_at = now() - interval '1 hour'")
    assert await is_signed_in(first)

    for _ in range(MAX_SESSIONS_PER_USER - 1):
        await signed_in(platform)

    assert await is_signed_in(first)
    assert not await is_signed_in(second)
    [count] = await platform.fetch("SELECT count(*) AS n FROM identity.sessions")
    assert count["n"] == MAX_SESSIONS_PER_USER
