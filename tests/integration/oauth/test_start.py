"""The process says what it lacks and ends; what may come later, it waits for."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aio_pika
import httpx
from pydantic import SecretStr

from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import encode_records
from libs.common.messaging.topology import DELIVERIES, EVENTS_INGESTOR, Lane
from libs.common.settings import EXIT_CONFIGURATION
from services.oauth.handlers import Deliveries
from tests import covered
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import environment
from tests.integration.oauth.leaving import Leaver


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
    given = {"SHOPIFY_API_URL": "http://127.0.0.1:1/{shop}", "PORT": str(port), **changes}
    return environment(database_url, given["SHOPIFY_API_URL"], keys, **given)


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


async def test_with_a_broker_it_reads_its_lane_asks_shopify_and_tells_what_came_of_it(
    leaver: Leaver, database: Database, broker: Broker, keys: CallerKeys
):
    leaver.shopify.uninstalled.add(leaver.domain)
    settings = _settings(
        database.url_for("oauth"),
        keys,
        await _free_port(),
        AMQP_URL=broker.url_for("oauth"),
        SHOPIFY_API_URL=leaver.shopify.api_url,
    )
    async with (
        _process(settings),
        Publisher(SecretStr(broker.url_for("webhooks")), "webhooks") as publisher,
    ):
        message = encode_records([leaver.delivery("app/uninstalled")])
        await publisher.publish(DELIVERIES, Lane.TENANCY, message, timeout_seconds=10)
        events = [event async for event in _first_events(broker, 2)]

    assert [event["tenantId"] for event in events] == [str(leaver.tenant_id)] * 2
    assert "shopDomain" in events[0]
    assert events[1]["reason"] == "app_uninstalled"
    assert await leaver.oauth.rows("SELECT 1 FROM tenancy.outbox") == []


async def test_a_process_that_is_killed_while_it_asks_leaves_the_question_to_the_next(
    leaver: Leaver, database: Database, keys: CallerKeys
):
    leaver.shopify.uninstalled.add(leaver.domain)
    await Deliveries(leaver.oauth.engine).apply([leaver.delivery("app/uninstalled")])
    leaver.shopify.gate.clear()
    leaver.shopify.arrived.clear()
    settings = _settings(
        database.url_for("oauth"),
        keys,
        await _free_port(),
        SHOPIFY_API_URL=leaver.shopify.api_url,
    )
    async with _process(settings) as process:
        async with asyncio.timeout(60):
            await leaver.shopify.arrived.wait()
        process.kill()
        await process.wait()
    assert await leaver.states() == ["open"]

    leaver.shopify.gate.set()
    async with asyncio.timeout(60):
        # PostgreSQL gives the lock of the killed process back when it sees the connection end.
        while await leaver.states() != ["confirmed"]:
            await leaver.oauth.work()
    assert await leaver.status() == "disconnected"


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
