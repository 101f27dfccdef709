"""With Redis all replicas count together; without it the API goes on and counts by itself."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import redis.asyncio
from pydantic import SecretStr
from structlog.testing import capture_logs

from libs.common.errors import RateLimitedError
from services.gateway.counters import Counters, Limit
from services.gateway.sign_in_limits import Attempt, SignInLimits

LIMIT = Limit("requests", 3)
_PATIENCE_SECONDS = 30


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running_redis(port: int) -> AsyncIterator[None]:
    """A private server that keeps nothing on disk."""
    program = shutil.which("redis-server")
    assert program, "redis-server is not installed: run `make setup`, or install redis-server"
    process = await asyncio.create_subprocess_exec(
        *(program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await _wait_until_it_answers(port)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _wait_until_it_answers(port: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS), redis.asyncio.Redis(port=port) as client:
        while True:
            try:
                await client.ping()
            except redis.ConnectionError:
                await asyncio.sleep(0.05)
            else:
                return


@asynccontextmanager
async def counters(port: int) -> AsyncIterator[Counters]:
    url = SecretStr(f"redis://127.0.0.1:{port}/0")
    made = Counters(url, answer_seconds=_PATIENCE_SECONDS, away_seconds=0)
    try:
        yield made
    finally:
        await made.close()


async def test_two_replicas_count_together(port: int):
    async with running_redis(port), counters(port) as one, counters(port) as two:
        allowed = [(await each.hit(LIMIT, "ada")).allowed for each in (one, two, one, two)]
        other = await two.hit(LIMIT, "eve")

    assert allowed == [True, True, True, False]
    assert (other.allowed, other.remaining) == (True, 2)


async def test_a_redis_that_goes_away_is_warned_of_once_and_limits_go_on(port: int):
    async with counters(port) as made:
        async with running_redis(port):
            assert (await made.hit(LIMIT, "ada")).remaining == 2
        with capture_logs() as logs:
            made_alone = [(await made.hit(LIMIT, "ada")).allowed for _ in range(4)]

    assert made_alone == [True, True, True, False]
    assert [entry["event"] for entry in logs] == ["rate_limits_in_memory"]


async def test_a_redis_that_comes_back_is_used_again(port: int):
    async with counters(port) as made:
        with capture_logs() as logs:
            await made.hit(LIMIT, "ada")
            async with running_redis(port):
                assert (await made.hit(LIMIT, "ada")).remaining == 2

    assert [entry["event"] for entry in logs] == ["rate_limits_in_memory", "rate_limits_in_redis"]


async def test_without_redis_each_process_counts_alone():
    one, two = Counters(None), Counters(None)

    assert [(await one.hit(LIMIT, "ada")).allowed for _ in range(4)] == [True, True, True, False]
    assert (await two.hit(LIMIT, "ada")).allowed


async def test_two_replicas_share_a_tally_until_it_is_forgotten(port: int):
    async with running_redis(port), counters(port) as one, counters(port) as two:
        added = [await each.add("guesses", 30, amount) for each, amount in ((one, 1), (two, 2))]
        read = await one.read("guesses")
        await two.forget("guesses")
        after = await one.read("guesses")

    assert added == [1, 3]
    assert read.count == 3
    assert 1 <= read.seconds_left <= 30
    assert (after.count, after.seconds_left) == (0, 0)


async def test_a_tally_goes_on_by_itself_without_redis():
    alone = Counters(None)

    assert [await alone.add("guesses", 30) for _ in range(3)] == [1, 2, 3]
    assert (await alone.read("guesses")).count == 3
    await alone.forget("guesses")
    assert (await alone.read("guesses")).count == 0


async def test_pauses_and_queues_hold_for_all_replicas(port: int):
    secret = SecretStr("0123456789abcdef0123456789abcdef")
    attempt = Attempt("ada", "198.51.100.7", None)
    admitted = 0
    async with running_redis(port), counters(port) as one, counters(port) as two:
        replicas = [SignInLimits(each, secret) for each in (one, two)]
        for number in range(12):
            with suppress(RateLimitedError):
                await replicas[number % 2].admit(attempt)
                admitted += 1
        async with redis.asyncio.Redis(port=port) as client:
            keys = b" ".join(await client.keys("*"))

    assert admitted == 5
    assert b"ada" not in keys
    assert b"198.51" not in keys
