"""The process says what it lacks and ends; what may come later, it waits for."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import aio_pika
import httpx
from pydantic import SecretStr

from libs.common.clock import utc_now
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import encode_records
from libs.common.messaging.topology import DELIVERIES, EVENTS_INGESTOR, Lane
from libs.common.settings import EXIT_CONFIGURATION
from tests import covered
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.factories import delivery
from tests.integration.oauth.driver import OauthDriver, environment, new_domain


@asynccontextmanager
async def _process(settings: Mapping[str, str]) -> AsyncIterator[Process]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *covered.python(),
        "-m",
        "services.oauth.main",
        env=inherited | dict(settings),
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def _settings(database_url: str, keys: CallerKeys, port: int, **changes: str) -> dict[str, str]:
    api_url = "http://127.0.0.1:1/{shop}"
    return environment(database_url, api_url, keys, PORT=str(port), **changes)


async def _free_port() -> int:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def _answers(url: str, process: Process) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        while process.returncode is None:
            try:
                return (await http.get(url)).status_code == 200
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    return False


async def test_every_missing_variable_is_named_and_the_process_ends():
    async with _process({"PORT": "0", "ENCRYPTION_KEY": "nonsense"}) as process:
        _, stderr = await process.communicate()
    assert process.returncode == EXIT_CONFIGURATION
    for name in ("AMQP_URL", "DATABASE_URL", "ENCRYPTION_KEY", "PUBLIC_URL", "SHOPIFY_API_SECRET"):
        assert f"{name}: " in stderr.decode()
    assert "nonsense" not in stderr.decode()


async def test_without_a_database_it_waits_and_says_for_what(keys: CallerKeys):
    nowhere = f"postgresql://tillstream_oauth@127.0.0.1:{await _free_port()}/tillstream"
    async with _process(_settings(nowhere, keys, 0)) as process:
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert b"waiting_for_database" in line
        assert process.returncode is None


async def test_without_a_broker_it_serves_and_ends_cleanly_when_told(
    database: Database, keys: CallerKeys
):
    port = await _free_port()
    settings = _settings(database.url_for("oauth"), keys, port)
    async with _process(settings) as process:
        assert await _answers(f"http://127.0.0.1:{port}/health/ready", process)
        process.terminate()
        stdout, stderr = await process.communicate()
    assert process.returncode == 0, stdout.decode() + stderr.decode()


async def test_with_a_broker_it_reads_its_lane_and_tells_what_came_of_it(
    oauth: OauthDriver, database: Database, broker: Broker, keys: CallerKeys
):
    tenant_id = await oauth.connect(new_domain())
    soon = utc_now() + timedelta(seconds=2)
    record = delivery(topic="app/uninstalled", time=soon, tenant_id=tenant_id)
    settings = _settings(
        database.url_for("oauth"), keys, await _free_port(), AMQP_URL=broker.url_for("oauth")
    )
    async with (
        _process(settings),
        Publisher(SecretStr(broker.url_for("webhooks")), "webhooks") as publisher,
    ):
        message = encode_records([record])
        await publisher.publish(DELIVERIES, Lane.TENANCY, message, timeout_seconds=10)
        events = [event async for event in _first_events(broker, 2)]

    assert [event["tenantId"] for event in events] == [str(tenant_id)] * 2
    assert "shopDomain" in events[0]
    assert events[1]["reason"] == "app_uninstalled"
    assert await oauth.rows("SELECT 1 FROM tenancy.outbox") == []


async def _first_events(broker: Broker, count: int) -> AsyncIterator[dict[str, str]]:
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(EVENTS_INGESTOR)
        async with queue.iterator(no_ack=True) as messages:
            async for message in messages:
                yield json.loads(message.body)
                count -= 1
                if count == 0:
                    break
