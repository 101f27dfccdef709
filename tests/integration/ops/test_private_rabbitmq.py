"""A private RabbitMQ keeps its messages over a kill, ends whole, and gives each service little."""

import signal
from pathlib import Path

import aio_pika
import pytest
from aiormq.exceptions import ChannelAccessRefused, ProbableAuthenticationError

from libs.ops import processes
from libs.ops.rabbitmq import private_rabbitmq
from tests.integration.ops.holding import held, run_as_ordinary_user

QUEUE = "kept"


async def _publish(url: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(b"42", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, QUEUE)


async def _take(url: str) -> bytes:
    connection = await aio_pika.connect(url)
    async with connection:
        queue = await (await connection.channel()).get_queue(QUEUE)
        message = await queue.get(timeout=10)
        await message.ack()
        return message.body


async def test_messages_outlive_a_kill_and_two_copies_run_side_by_side(tmp_path):
    with held("rabbitmq", tmp_path / "one") as (holder, url):
        await _publish(url)
        async with private_rabbitmq(tmp_path / "two") as two:
            assert two.owner_url != url
            await _publish(two.owner_url)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        async with private_rabbitmq(tmp_path / "one") as again:
            assert again.owner_url == url
            assert await _take(again.owner_url) == b"42"
            await _expect_least_permissions(again.owner_url, again.service_urls["webhooks"])
    # The node's epmd would outlive it.
    assert _processes_of(tmp_path / "one") == []
    assert _processes_of(tmp_path / "two") == []


def test_an_ordinary_user_runs_it_from_a_private_home():
    run_as_ordinary_user(_start)


async def _start(home: Path) -> None:
    async with private_rabbitmq(home / ".tillstream") as server:
        await _publish(server.owner_url)
        assert await _take(server.owner_url) == b"42"
    assert _processes_of(home / ".tillstream") == []


async def _expect_least_permissions(owner_url: str, service_url: str) -> None:
    place = owner_url.rpartition("@")[2]
    with pytest.raises(ProbableAuthenticationError):
        await aio_pika.connect(f"amqp://guest:guest@{place}")
    connection = await aio_pika.connect(service_url)
    async with connection:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("own")
        channel = await connection.channel()
        queue = await channel.get_queue(QUEUE)
        with pytest.raises(ChannelAccessRefused):
            await queue.get(timeout=10)


def _processes_of(data_dir: Path) -> list[int]:
    return processes.with_variable("RABBITMQ_BASE", str(data_dir / "rabbitmq"))
