"""RabbitMQ for one data folder: a container where Docker answers, else a node of our own."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from libs.ops.locks import exclusive
from libs.ops.rabbitmq_node import NodeRabbit
from libs.ops.rabbitmq_server import RabbitServer

_DOCKER_SOCKET = Path("/var/run/docker.sock")


class PrivateRabbit(Protocol):
    """What `up` needs of a broker, container or node."""

    async def start(self) -> RabbitServer: ...
    async def exited(self) -> int: ...
    async def stop(self) -> None: ...


async def private_broker(data_dir: Path) -> PrivateRabbit:
    """The kind of broker this machine can run, not started yet."""
    if _names_an_engine():
        # A quarter of the command's whole start, spent only where there may be an engine.
        from libs.ops.rabbitmq_container import ContainerRabbit, engine_answers  # noqa: PLC0415

        if await asyncio.to_thread(engine_answers):
            return ContainerRabbit(data_dir)
    return NodeRabbit(data_dir)


def _names_an_engine() -> bool:
    return "DOCKER_HOST" in os.environ or _DOCKER_SOCKET.exists()


@asynccontextmanager
async def private_rabbitmq(data_dir: Path) -> AsyncIterator[RabbitServer]:
    """The broker of `data_dir` for the length of the block; one process per folder."""
    with exclusive(data_dir, "rabbitmq"):
        broker = await private_broker(data_dir)
        try:
            yield await broker.start()
        finally:
            await broker.stop()
