"""Declares the exchanges and queues at a broker."""

import aio_pika

from libs.common.messaging import topology


async def declare_topology(owner_amqp_url: str) -> None:
    """Exchanges and queues, as the owner: the services may not declare them."""
    connection = await aio_pika.connect(owner_amqp_url, timeout=30)
    async with connection:
        await topology.declare(await connection.channel())
