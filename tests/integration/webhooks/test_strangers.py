"""No stranger takes the service's memory or its connections: genuine deliveries are answered."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from libs.common.messaging.topology import Lane
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import count_messages, until
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
from tests.integration.webhooks.shopify import SECRET, add_shop, headers
from tests.integration.webhooks.test_process import process

DEADLINE_SECONDS = 4 + 2
"""For a request, and for the client to read why it was refused."""
SLACK_SECONDS = 10
"""The machine may be busy. Without a deadline these connections stay open for ever."""
BODY = b'{"id":820982911946154508}'
HEAD = (
    b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
    b"X-Shopify-Topic: orders/create\r\nX-Shopify-Shop-Domain: some-shop.myshopify.com\r\n"
    b"X-Shopify-Webhook-Id: w-1\r\nX-Shopify-Hmac-Sha256: " + b"A" * 43 + b"=\r\n\r\n"
)


@dataclass
class Running:
    port: int
    pid: int
    shop: str
    http: httpx.AsyncClient
    delivered: int = 0

    async def deliver(self) -> None:
        told = headers(self.shop, BODY)
        answer = await self.http.post("/webhooks", content=BODY, headers=told)
        assert answer.status_code == 200
        self.delivered += 1


@pytest.fixture
async def running(
    database: Database, broker: Broker, unused_tcp_port: int
) -> AsyncIterator[Running]:
    shop, _ = await add_shop(database)
    environment = {
        "PORT": str(unused_tcp_port),
        "DATABASE_URL": database.url_for("webhooks"),
        "AMQP_URL": broker.url_for("webhooks"),
        "SHOPIFY_API_SECRET": SECRET,
        "LOG_LEVEL": "WARNING",
    }
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with (
        # Without the tracer of coverage, whose memory is not the product's.
        process(environment, [sys.executable]) as started,
        httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http,
    ):

        async def ready() -> bool:
            try:
                return (await http.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await until(ready, seconds=60)
        made = Running(unused_tcp_port, started.pid, shop, http)
        yield made
        assert peak_resident_mb(made.pid) < MAX_RESIDENT_MB
        assert made.delivered
        assert await count_messages(broker.url, Lane.STORE) > 0


def _assert_in_time(ends: list[End], statuses: set[int]) -> None:
    assert {end.status for end in ends} <= statuses
    assert max(end.seconds for end in ends) < DEADLINE_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("kind", ENDLESS)
async def test_endless_head_takes_no_memory(running: Running, kind: str):
    async with meanwhile(running.deliver):
        _assert_in_time([await flood(running.port, *ENDLESS[kind], 60 * MEGA)], {400, 404, 431})


async def test_half_bodies_without_signature_take_no_memory(running: Running):
    """Each says that it is nearly 8 MiB, and sends as much as is read of it."""
    half = HEAD % (8 * MEGA - 1) + b"{" * MEGA
    async with meanwhile(running.deliver):
        _assert_in_time(list(await many(lambda: hold(running.port, half))), {408, 503})


async def test_clients_that_send_slowly_are_closed_in_time(running: Running):
    slow = b"x" * 10_000
    async with meanwhile(running.deliver):
        heads = await many(lambda: drip(running.port, b"POST /webhooks HTTP/1.1\r\nA: ", slow), 150)
        bodies = await many(lambda: drip(running.port, HEAD % 10_000, slow), 150)
        unsigned = await many(lambda: hold(running.port, b"POST /webhooks HTTP/1.1\r\n"), 100)
    _assert_in_time([*heads, *bodies, *unsigned], {408})


async def test_body_without_a_signature_is_not_waited_for(running: Running):
    unsigned = (HEAD % (8 * MEGA)).replace(b"Hmac-Sha256: A", b"Hmac-Sha256: -")
    async with meanwhile(running.deliver):
        end = await flood(running.port, unsigned, b"x", 8 * MEGA)
    assert end.status == 401


async def test_large_genuine_delivery_is_taken_beside_small_ones(running: Running):
    body = b"{" + b"x" * (8 * MEGA - 2) + b"}"
    async with meanwhile(running.deliver):
        answer = await running.http.post(
            "/webhooks", content=body, headers=headers(running.shop, body)
        )
    assert answer.status_code == 200
