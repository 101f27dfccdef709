"""No stranger takes the gateway's memory or its connections: people are answered meanwhile."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from tests.brokers import Broker
from tests.integration.gateway.platform import Platform, redeem
from tests.integration.gateway.test_process import (
    _environment,
    _free_port,
    _start,
    _wait_until_ready,
)
from tests.integration.web.sockets import peak_resident_mb
from tests.integration.web.strangers import (
    ENDLESS,
    MAX_RESIDENT_MB,
    MEGA,
    End,
    drip,
    flood,
    hold,
    many,
    meanwhile,
)

HEAD_SECONDS, BODY_SECONDS, LEAST_RATE_SECONDS, LINGER_SECONDS = 10, 20, 5, 2
SLACK_SECONDS = 12
"""The machine may be busy. Without a deadline these connections stay open for ever."""
HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@dataclass
class Running:
    port: int
    pid: int
    browser: httpx.AsyncClient

    async def look(self) -> None:
        assert (await self.browser.get("/api/auth/session")).status_code == 200


@pytest.fixture
async def running(platform: Platform, broker: Broker) -> AsyncIterator[Running]:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    claim = platform.claim(await platform.new_shop())
    environment = _environment(platform, broker.url_for("gateway"), port)
    changes = {"LOG_LEVEL": "WARNING", "RATE_LIMIT_PER_MINUTE": "100000"}
    # Without the tracer of coverage, whose memory is not the product's.
    process = await _start(environment | changes, [sys.executable])
    headers = {"Origin": url, "Cookie": f"claim={claim}"}
    try:
        await _wait_until_ready(url)
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=60, trust_env=False
        ) as browser:
            session = (await redeem(browser, "ada")).cookies["session"]
            browser.headers["Cookie"] = f"session={session}"
            yield Running(port, process.pid, browser)
            assert peak_resident_mb(process.pid) < MAX_RESIDENT_MB
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _assert_in_time(ends: list[End], statuses: set[int], seconds: float) -> None:
    assert {end.status for end in ends} <= statuses
    assert max(end.seconds for end in ends) < seconds + LINGER_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("kind", ENDLESS)
async def test_endless_head_takes_no_memory(running: Running, kind: str):
    async with meanwhile(running.look):
        end = await flood(running.port, *ENDLESS[kind], 60 * MEGA)
    _assert_in_time([end], {400, 431}, HEAD_SECONDS)


async def test_half_bodies_take_no_memory(running: Running):
    """Most of what one may send, by as many as there are connections."""
    half = HEAD % 65_000 + b"{" * 64_000
    async with meanwhile(running.look):
        ends = await many(lambda: hold(running.port, half))
    _assert_in_time(list(ends), {408, 503}, BODY_SECONDS)


async def test_bodies_that_are_too_large_are_refused_before_they_come(running: Running):
    async with meanwhile(running.look):
        end = await flood(running.port, HEAD % (60 * MEGA), b"{", 60 * MEGA)
    assert end.status == 413


async def test_clients_that_send_slowly_are_closed_in_time(running: Running):
    slow = b"x" * 10_000
    async with meanwhile(running.look):
        heads = await many(lambda: drip(running.port, b"GET /?a=", slow), 150)
        bodies = await many(lambda: drip(running.port, HEAD % 10_000, slow), 150)
        silent = await many(lambda: hold(running.port, b""), 100)
    _assert_in_time(list(heads), {408}, HEAD_SECONDS)
    _assert_in_time(list(bodies), {408}, LEAST_RATE_SECONDS)
    _assert_in_time(list(silent), {0}, HEAD_SECONDS)
