"""The service as a process: it starts on its settings alone, and stops without losing anything."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx

from libs.common.messaging.records import NO_TENANT, decode_records
from libs.common.messaging.topology import Lane
from tests import covered
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import Door, take_message, until
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


async def _one_delivery(
    environment: Mapping[str, str], port: int, shop: str, broker: Broker
) -> UUID:
    """Starts a process, delivers, and stops it. Whose the delivery is, as the message says."""
    url = f"http://127.0.0.1:{port}"
    async with process(environment) as running, httpx.AsyncClient(base_url=url, timeout=60) as http:

        async def ready() -> bool:
            try:
                return (await http.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await until(ready)
        answer = await http.post("/webhooks", content=b"{}", headers=headers(shop, b"{}"))
        assert answer.status_code == 200
        [record] = decode_records((await take_message(broker.url, Lane.STORE)).body)
        running.send_signal(signal.SIGTERM)
        await running.communicate()
    assert running.returncode == 0
    return record.tenant_id


async def test_it_starts_without_postgresql_and_knows_what_the_one_before_it_knew(
    database: Database, database_door: Door, broker: Broker, unused_tcp_port: int, tmp_path: Path
):
    shop, tenant_id = await add_shop(database)
    environment = {
        "PORT": str(unused_tcp_port),
        "DATABASE_URL": database_door.url,
        "AMQP_URL": broker.url_for("webhooks"),
        "SHOPIFY_API_SECRET": SECRET,
    }
    with_copy = environment | {"SHOP_DIRECTORY_FILE": str(tmp_path / "shops.json")}
    assert await _one_delivery(with_copy, unused_tcp_port, shop, broker) == tenant_id

    await database_door.lock()
    assert await _one_delivery(with_copy, unused_tcp_port, shop, broker) == tenant_id
    assert await _one_delivery(environment, unused_tcp_port, shop, broker) == NO_TENANT


async def test_wrong_settings_are_all_named_and_end_it_with_78():
    async with process({"PORT": "none", "SHOPIFY_API_SECRET": SECRET}) as running:
        _, complaint = await running.communicate()
    assert running.returncode == 78
    for name in (b"AMQP_URL", b"DATABASE_URL", b"PORT"):
        assert name in complaint
    assert SECRET.encode() not in complaint
