"""The service as a process: it starts on its settings alone, and stops without losing anything."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx

from libs.common.messaging.topology import Lane
from tests import covered
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import take_message, until
from tests.integration.webhooks.shopify import SECRET, add_shop, headers


@asynccontextmanager
async def process(
    environment: Mapping[str, str], python: Sequence[str] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        *(python or covered.python()),
        "-m",
        "services.webhooks.main",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd(), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_it_takes_a_delivery_and_ends_cleanly(
    database: Database, broker: Broker, unused_tcp_port: int
):
    shop, _ = await add_shop(database)
    environment = {
        "PORT": str(unused_tcp_port),
        "DATABASE_URL": database.url_for("webhooks"),
        "AMQP_URL": broker.url_for("webhooks"),
        "SHOPIFY_API_SECRET": SECRET,
    }
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with process(environment) as running, httpx.AsyncClient(base_url=url, timeout=60) as http:

        async def ready() -> bool:
            try:
                return (await http.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await until(ready, seconds=30)
        answer = await http.post("/webhooks", content=b"{}", headers=headers(shop, b"{}"))
        assert answer.status_code == 200
        await take_message(broker.url, Lane.STORE)
        running.send_signal(signal.SIGTERM)
        output, _ = await running.communicate()
    assert running.returncode == 0
    assert SECRET.encode() not in output


async def test_wrong_settings_are_all_named_and_end_it_with_78():
    async with process({"PORT": "none", "SHOPIFY_API_SECRET": SECRET}) as running:
        _, complaint = await running.communicate()
    assert running.returncode == 78
    for name in (b"AMQP_URL", b"DATABASE_URL", b"PORT"):
        assert name in complaint
    assert SECRET.encode() not in complaint
