"""Every exchange and queue, with its arguments, and nowhere else: other arguments mean a 406.

A work queue is a quorum queue whose messages go to `dead` when the broker gives up on them. Next
to it stands a ladder of queues without a consumer, where a message waits before it comes back.
A service carries on what it could not handle through an exchange of its own, which leads to its
own queues, their ladders and the dead queue: permission to write there is permission for no more.
The same arguments hold on RabbitMQ 3.10 and 4.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel

DELIVERIES: Final = "deliveries"
EVENTS: Final = "events"
HINTS: Final = "hints"
DEAD: Final = "dead"
HEALTH: Final = "health"
DEFAULT: Final = ""
"""The broker's own exchange: the routing key is the name of a queue. No service may write to it;
what has waited on a ladder comes back by it, for dead-lettering is the broker's own act."""


class Lane(StrEnum):
    """The two queues of deliveries: facts of a shop, and the life of a tenant."""

    STORE = "deliveries.store"
    TENANCY = "deliveries.tenancy"


EVENTS_INGESTOR: Final = "events.ingestor"
EVENTS_GATEWAY: Final = "events.gateway"
DEAD_QUEUE: Final = "dead"
HEALTH_WEBHOOKS: Final = "health.webhooks"

QUEUES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "oauth": (Lane.TENANCY.value,),
    "ingestor": (Lane.STORE.value, EVENTS_INGESTOR),
    "gateway": (EVENTS_GATEWAY,),
}
"""The work queues that each service reads."""
KEEPER: Final = "ingestor"
"""The service that reads the dead queue."""
WORK_QUEUES: Final = tuple(name for names in QUEUES_OF.values() for name in names)
LADDER: Final = {"5s": 5, "30s": 30, "5m": 300, "30m": 1800, "2h": 7200}
"""Rung to seconds, in the order in which a message climbs it."""
DEAD_RUNG: Final = "30m"
"""The only rung of the dead queue: there a letter waits that could not be kept."""

_TENANCY_TOPICS = frozenset({"app/uninstalled", "app/scopes_update", "shop/redact"})
_EVENT_BINDINGS = {
    EVENTS_INGESTOR: ("tenant.connected.v1", "tenant.disconnected.v1", "tenant.erased.v1"),
    EVENTS_GATEWAY: (
        "tenant.connected.v1",
        "tenant.erasure_scheduled.v1",
        "tenant.erasure_cancelled.v1",
        "tenant.erased.v1",
    ),
}
"""What a queue gets: only events that its service handles, for any other is a dead letter."""
_FORMER_EVENT_BINDINGS = {EVENTS_INGESTOR: ("tenant.#",)}
"""What earlier versions bound and this one takes away."""

_DELIVERY_LIMIT = 1_000
"""Only crashes and lost connections count. RabbitMQ 4 would say 20, which a bad day exceeds."""
_DEAD_DELIVERY_LIMIT = 2**31 - 1
_HEALTH_ARGUMENTS = {"x-message-ttl": 1_000, "x-max-length": 10, "x-delivery-limit": 20}


def lane_for(topic: str) -> Lane:
    """The lane that carries deliveries of `topic`."""
    return Lane.TENANCY if topic in _TENANCY_TOPICS else Lane.STORE


def retry_queue(queue: str, rung: str) -> str:
    return f"{queue}.retry.{rung}"


def retry_exchange(service: str) -> str:
    """Where `service` sends what it could not handle; the routing key is the name of a queue."""
    return f"retry.{service}"


def reader_of(queue: str) -> str | None:
    """The service that reads `queue`; None when it is no queue of services."""
    if queue == DEAD_QUEUE:
        return KEEPER
    return next((service for service, names in QUEUES_OF.items() if queue in names), None)


async def declare(channel: AbstractChannel) -> None:
    """Make whatever is missing, as the owner: a service may not. Safe to repeat, and at once."""
    await channel.declare_exchange(DELIVERIES, ExchangeType.DIRECT, durable=True)
    events = await channel.declare_exchange(EVENTS, ExchangeType.TOPIC, durable=True)
    await channel.declare_exchange(HINTS, ExchangeType.TOPIC, durable=True)
    await channel.declare_exchange(DEAD, ExchangeType.FANOUT, durable=True)
    await channel.declare_exchange(HEALTH, ExchangeType.DIRECT, durable=True)
    dead = await _declare_queue(channel, DEAD_QUEUE, {"x-delivery-limit": _DEAD_DELIVERY_LIMIT})
    await dead.bind(DEAD)
    for name in WORK_QUEUES:
        queue = await _declare_queue(channel, name, _WORK_ARGUMENTS)
        for event_type in _EVENT_BINDINGS.get(name, ()):
            await queue.bind(events, event_type)
        for former in _FORMER_EVENT_BINDINGS.get(name, ()):
            await queue.unbind(events, former)
        if name not in _EVENT_BINDINGS:
            await queue.bind(DELIVERIES, name)
    for service, names in QUEUES_OF.items():
        await _declare_retries(channel, service, names)
    health = await _declare_queue(channel, HEALTH_WEBHOOKS, _HEALTH_ARGUMENTS)
    await health.bind(HEALTH, HEALTH_WEBHOOKS)


async def _declare_retries(channel: AbstractChannel, service: str, queues: tuple[str, ...]) -> None:
    """The service's own exchange, to its queues, their ladders and the dead queue."""
    exchange = await channel.declare_exchange(
        retry_exchange(service), ExchangeType.DIRECT, durable=True
    )
    rungs = [(name, rung) for name in queues for rung in LADDER]
    if service == KEEPER:
        rungs.append((DEAD_QUEUE, DEAD_RUNG))
    for name, rung in rungs:
        queue = await _declare_queue(
            channel, retry_queue(name, rung), _ladder_arguments(name, rung)
        )
        await queue.bind(exchange, queue.name)
    for name in (*queues, DEAD_QUEUE):
        queue = await channel.get_queue(name, ensure=False)
        await queue.bind(exchange, name)


_AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
_WORK_ARGUMENTS = {
    "x-delivery-limit": _DELIVERY_LIMIT,
    "x-dead-letter-exchange": DEAD,
    **_AT_LEAST_ONCE,
}


def _ladder_arguments(queue: str, rung: str) -> dict[str, Any]:
    return {
        "x-message-ttl": LADDER[rung] * 1_000,
        "x-dead-letter-exchange": DEFAULT,
        "x-dead-letter-routing-key": queue,
        **_AT_LEAST_ONCE,
    }


async def _declare_queue(channel: AbstractChannel, name: str, arguments: dict[str, Any]) -> Any:
    return await channel.declare_queue(
        name, durable=True, arguments={"x-queue-type": "quorum", **arguments}
    )
