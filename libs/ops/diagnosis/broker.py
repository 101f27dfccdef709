"""Is the broker there, with every queue, a consumer at each, no alarm and no heap of letters?"""

from urllib.parse import urlsplit

import aio_pika
import httpx
from aio_pika.abc import AbstractConnection
from aiormq.exceptions import AMQPError, ChannelNotFoundEntity

from libs.common.messaging import topology
from libs.ops.broker_access import user_of
from libs.ops.diagnosis.findings import Finding

_MANY = 1_000
_START = "look into logs/ of the data folder, or start `tillstream up` again"


async def look_at_broker(owner_url: str, management_url: str | None) -> list[Finding]:
    place = urlsplit(owner_url).netloc.rpartition("@")[2]
    try:
        connection = await aio_pika.connect(owner_url, timeout=5)
    except (OSError, AMQPError) as error:
        return [Finding("broker", f"{place} refuses: {type(error).__name__}", _START)]
    async with connection:
        queues = [
            await look_at_queue(connection, name)
            for name in (*topology.WORK_QUEUES, topology.DEAD_QUEUE)
        ]
    return [
        Finding("broker", f"answers at {place}"),
        *queues,
        await _alarms(management_url, owner_url),
    ]


async def look_at_queue(connection: AbstractConnection, name: str) -> Finding:
    what = f"queue {name}"
    channel = await connection.channel()
    try:
        queue = await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        return Finding(what, "is missing", "run `tillstream migrate`")
    state = queue.declaration_result
    waiting, consumers = state.message_count or 0, state.consumer_count or 0
    await channel.close()
    seen = f"{waiting} waiting, {consumers} consumer(s)"
    if not consumers:
        return Finding(what, seen, "nobody reads it: see the log of the service that should")
    if waiting > _MANY:
        return Finding(what, seen, "more arrives than is read: add replicas of its consumer")
    return Finding(what, seen)


async def _alarms(management_url: str | None, owner_url: str) -> Finding:
    if management_url is None:
        return Finding("broker alarms", "not known: the broker has no management API for us")
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            answer = await http.get(
                f"{management_url}/api/health/checks/alarms", auth=user_of(owner_url)
            )
    except httpx.TransportError as error:
        return Finding("broker alarms", f"not known: {type(error).__name__}", _START)
    if answer.is_success:
        return Finding("broker alarms", "none")
    return Finding(
        "broker alarms",
        f"the broker answers {answer.status_code}",
        "it takes no message while memory or disk is short: free some",
    )
