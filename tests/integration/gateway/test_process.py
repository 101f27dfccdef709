"""The gateway as a process: it says what is wrong and stops, or serves until it is told to end."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence

import httpx

from tests import covered
from tests.brokers import Broker
from tests.integration.gateway.platform import Platform, redeem

_PATIENCE_SECONDS = 60


def _environment(platform: Platform, broker_url: str, port: int) -> dict[str, str]:
    return {
        **platform.upstreams,
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "DATABASE_URL": platform.database.url_for("gateway"),
        "AMQP_URL": broker_url,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SESSION_SECRET": "0123456789abcdef0123456789abcdef",
        "CALLER_PRIVATE_KEY": platform.keys.private["gateway"],
        "CALLER_PUBLIC_KEYS": platform.keys.public_list,
    }


async def _start(environment: Mapping[str, str], python: Sequence[str] = ()) -> Process:
    command = (*(python or covered.python()), "-m", "services.gateway.main")
    return await asyncio.create_subprocess_exec(
        *command, env=dict(environment), stdout=PIPE, stderr=STDOUT
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def _wait_until_ready(url: str) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS), httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                (await client.get(f"{url}/health/ready")).raise_for_status()
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_http_on_another_host_and_missing_settings_are_named_and_end_it():
    environment = {"PATH": os.environ["PATH"], "PUBLIC_URL": "http://till.example"}

    process = await _start(environment)
    output = (await process.communicate())[0].decode()

    assert process.returncode == 78
    for variable in ("PUBLIC_URL", "DATABASE_URL", "SESSION_SECRET", "CALLER_PUBLIC_KEYS"):
        assert variable in output


async def _watch_to_the_end(url: str, claim: str, process: Process) -> str:
    """Become an owner, watch, tell the process to end. Answers with the session's token."""
    headers = {"Origin": url, "Cookie": f"claim={claim}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=_PATIENCE_SECONDS, trust_env=False
    ) as browser:
        session = (await redeem(browser, "ada")).cookies["session"]
        cookie = {"Cookie": f"session={session}"}
        async with browser.stream("GET", "/api/live", headers=cookie) as live:
            lines = live.aiter_lines()
            while not (await anext(lines)).startswith("event: summary"):
                pass
            process.send_signal(signal.SIGTERM)
            # Ended by the server, not cut: a cut stream would raise here.
            assert [line async for line in lines][-1] == ""
    return session


async def test_a_signal_ends_it_cleanly_although_a_page_is_watching(
    platform: Platform, broker: Broker
):
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    claim = platform.claim(await platform.new_shop())
    process = await _start(_environment(platform, broker.url_for("gateway"), port))
    try:
        await _wait_until_ready(url)
        session = await _watch_to_the_end(url, claim, process)
        output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert session not in output
    assert claim not in output


async def _guess(browser: httpx.AsyncClient, number: int) -> int:
    """A sign-in with another name, said to come from another address each time."""
    headers = {"X-Forwarded-For": f"198.51.100.{number}"}
    body = {"username": f"nobody-{number}", "password": "a wrong password"}
    return (await browser.post("/api/auth/login", json=body, headers=headers)).status_code


async def test_an_address_that_a_client_makes_up_does_not_widen_its_limit(
    platform: Platform, broker: Broker
):
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = _environment(platform, broker.url_for("gateway"), port)
    process = await _start({**environment, "LOGIN_LIMIT_PER_MINUTE": "3"})
    try:
        await _wait_until_ready(url)
        async with httpx.AsyncClient(
            base_url=url, headers={"Origin": url}, timeout=_PATIENCE_SECONDS, trust_env=False
        ) as browser:
            statuses = [await _guess(browser, number) for number in range(4)]
    finally:
        process.terminate()
        await process.communicate()

    assert statuses == [401, 401, 401, 429]
