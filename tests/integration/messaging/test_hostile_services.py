"""A service that was taken over can do no more at the broker than its own part.

What is tried comes from the broker itself: every binding, queue and exchange that is there.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import PublishError
from aiormq.exceptions import ChannelAccessRefused, ChannelClosed
from pydantic import SecretStr

from libs.common.events.contracts import TenantErased
from libs.common.messaging import topology
from libs.common.messaging.consumer import consume_events
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import encode_records
from libs.common.messaging.topology import LADDER, Lane, retry_queue
from libs.ops.broker_access import SERVICE_PERMISSIONS, BrokerAdministration, user_of
from tests.brokers import Broker
from tests.factories import delivery
from tests.integration.messaging.queues import count_messages, running, until
from tests.integration.messaging.test_dead_letters import Keeper, keep

SERVICES = sorted(SERVICE_PERMISSIONS)


def with_ladder(*queues: str) -> set[str]:
    return {*queues, *(retry_queue(queue, rung) for queue in queues for rung in LADDER)}


REACHED = {
    "webhooks": {"deliveries.store", "deliveries.tenancy", "health.webhooks"},
    "oauth": {"events.ingestor", "events.gateway", "dead"} | with_ladder("deliveries.tenancy"),
    "ingestor": {"dead", "dead.retry.30m"} | with_ladder("deliveries.store", "events.ingestor"),
    "gateway": {"dead"} | with_ladder("events.gateway"),
}
"""The queues that a message of each service can get into, by whatever exchange and key."""

READ = {
    "webhooks": set(),
    "oauth": {"deliveries.tenancy"},
    "ingestor": {"deliveries.store", "events.ingestor", "dead"},
    "gateway": {"events.gateway"},
}


@pytest.fixture
async def owner(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=broker.management_url, auth=user_of(broker.url), trust_env=False
    ) as http:
        yield http


async def _listed(owner: httpx.AsyncClient, broker: Broker, what: str) -> list[dict[str, Any]]:
    answer = await owner.get(f"/api/{what}/{quote(broker.vhost, safe='')}")
    return answer.raise_for_status().json()


async def _ways(owner: httpx.AsyncClient, broker: Broker) -> dict[tuple[str, str], set[str]]:
    """Exchange and routing key to the queues they lead to; the default exchange too."""
    ways: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for binding in await _listed(owner, broker, "bindings"):
        assert binding["destination_type"] == "queue"
        ways[binding["source"], binding["routing_key"]].add(binding["destination"])
    return ways


async def _allowed(connection: Any, attempt: Callable[[AbstractChannel], Awaitable[Any]]) -> bool:
    """Whether the broker lets it happen; each attempt has a channel of its own."""
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    try:
        await attempt(channel)
    except ChannelAccessRefused:
        return False
    except (PublishError, ChannelClosed) as error:
        pytest.fail(f"neither done nor refused: {error!r}")
    else:
        await channel.close()
        return True


def _publish(exchange: str, key: str) -> Callable[[AbstractChannel], Awaitable[Any]]:
    async def attempt(channel: AbstractChannel) -> None:
        target = channel.default_exchange
        if exchange:
            target = await channel.get_exchange(exchange, ensure=False)
        await target.publish(aio_pika.Message(b"{}"), key, mandatory=True)

    return attempt


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reaches_only_the_queues_of_its_part(broker, owner, service):
    ways = await _ways(owner, broker)
    assert set().union(*ways.values()) == {
        q["name"] for q in await _listed(owner, broker, "queues")
    }
    reached: set[str] = set()
    async with await aio_pika.connect(broker.url_for(service)) as connection:
        for (exchange, key), queues in ways.items():
            if await _allowed(connection, _publish(exchange, key)):
                reached |= queues
    assert reached == REACHED[service]


async def _get(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def _consume(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).consume(_ignore)


async def _purge(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).purge()


async def _ignore(_message: Any) -> None:
    return


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("attempt", [_get, _consume, _purge])
async def test_a_service_reads_and_empties_only_its_own_queues(broker, owner, service, attempt):
    names = {queue["name"] for queue in await _listed(owner, broker, "queues")}
    async with await aio_pika.connect(broker.url_for(service)) as connection:
        done = {name for name in names if await _allowed(connection, partial(attempt, queue=name))}
    assert done == READ[service]


async def _bind(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(exchange, "#")


async def _unbind(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).unbind(exchange, queue)


async def _delete_queue(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await channel.queue_delete(queue)


async def _delete_exchange(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await channel.exchange_delete(exchange)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("change", [_bind, _unbind, _delete_queue, _delete_exchange])
async def test_no_service_changes_what_the_broker_holds(broker, owner, service, change):
    queues = [found["name"] for found in await _listed(owner, broker, "queues")]
    exchanges = [found["name"] for found in await _listed(owner, broker, "exchanges")]
    pairs = [(queue, exchange) for queue in queues for exchange in exchanges if exchange]
    if change is _delete_queue:
        pairs = [(queue, "") for queue in queues]
    if change is _delete_exchange:
        pairs = [("", exchange) for exchange in exchanges if exchange]
    async with await aio_pika.connect(broker.url_for(service)) as connection:
        done = [
            pair
            for pair in pairs
            if await _allowed(connection, partial(change, queue=pair[0], exchange=pair[1]))
        ]
    assert pairs
    assert done == []


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", ["own", "gateway.hints.own"])
async def test_no_queue_of_a_service_sends_its_dead_elsewhere(broker, service, name):
    exchanges = ("", topology.EVENTS, topology.DELIVERIES, topology.HINTS, topology.DEAD)
    async with await aio_pika.connect(broker.url_for(service)) as connection:
        for exchange in exchanges:

            async def declare(channel: AbstractChannel, target: str = exchange) -> None:
                arguments = {
                    "x-dead-letter-exchange": target,
                    "x-dead-letter-routing-key": "events.ingestor",
                    "x-message-ttl": 1,
                }
                await channel.declare_queue(name, exclusive=True, arguments=arguments)

            assert not await _allowed(connection, declare), exchange


@pytest.mark.parametrize(
    ("service", "exchange", "key"),
    [
        ("oauth", topology.EVENTS, "store.changed.v1"),
        ("oauth", topology.EVENTS, "anything"),
        ("ingestor", topology.HINTS, "tenant.erased.v1"),
        ("ingestor", topology.EVENTS, "tenant.erased.v1"),
        ("gateway", topology.HINTS, "store.changed.v1"),
        ("gateway", topology.EVENTS, "tenant.erased.v1"),
        ("webhooks", topology.HINTS, "store.changed.v1"),
    ],
)
async def test_a_service_says_only_what_is_its_own_to_say(broker, service, exchange, key):
    everything = "everything"
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(everything, durable=True)
        for name in (topology.EVENTS, topology.HINTS):
            await queue.bind(name, "#")
    async with await aio_pika.connect(broker.url_for(service)) as connection:
        assert not await _allowed(connection, _publish(exchange, key))
    assert await count_messages(broker.url, everything) == 0


async def test_a_letter_in_the_name_of_another_service_leads_back_to_no_queue(broker):
    erased = TenantErased(tenant_id=delivery("d1").tenant_id)
    claims = {
        "events.ingestor": ("event", erased.to_json()),
        Lane.STORE.value: ("delivery", encode_records([delivery("d1")])),
        "no.such.queue": ("event", erased.to_json()),
    }
    async with await aio_pika.connect(broker.url_for("gateway")) as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange("retry.gateway", ensure=False)
        for queue, (kind, body) in claims.items():
            headers = {
                "x-consumer": queue,
                "x-kind": kind,
                "x-event-type": erased.TYPE,
                "x-death": [{"queue": queue, "reason": "rejected", "count": 1}],
            }
            await exchange.publish(aio_pika.Message(body, headers=headers), "dead")
    keeper = Keeper()
    await keep(broker, keeper, len(claims))
    seen = {(letter.consumer, letter.kind, letter.reason) for letter in keeper.letters}
    assert seen == {("dead", "message", "consumer_forged")}
    assert {letter.tenant_id for letter in keeper.letters} == {None}


async def test_an_event_is_what_its_routing_key_says_whatever_a_header_claims(broker):
    erased = TenantErased(tenant_id=delivery("d1").tenant_id)
    handled: list[TenantErased] = []

    async def handle(event: TenantErased) -> None:
        handled.append(event)

    async def buried() -> bool:
        return await count_messages(broker.url, topology.DEAD_QUEUE) == 1

    async with await aio_pika.connect(broker.url_for("oauth")) as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(topology.EVENTS, ensure=False)
        message = aio_pika.Message(erased.to_json(), headers={"x-event-type": erased.TYPE})
        await exchange.publish(message, "tenant.disconnected.v1")
    url = SecretStr(broker.url_for("ingestor"))
    async with Publisher(url, "test") as publisher:
        events = consume_events(url, topology.EVENTS_INGESTOR, {TenantErased: handle}, publisher)
        async with running(events):
            await until(buried)
    assert handled == []


async def test_rights_of_an_earlier_version_are_taken_back(broker, owner):
    user, password = user_of(broker.url)
    place = quote(broker.vhost, safe="")
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    await owner.put("/api/users/tillstream_analytics", json={"password": password, "tags": ""})
    for name in ("tillstream_gateway", "tillstream_analytics"):
        granted = await owner.put(f"/api/permissions/{place}/{name}", json=everything)
        assert granted.is_success
    await owner.delete(f"/api/topic-permissions/{place}/tillstream_gateway")
    async with BrokerAdministration(broker.management_url, user, password) as administration:
        passwords = dict.fromkeys(SERVICE_PERMISSIONS, "only-for-tests")
        await administration.add_service_users(broker.vhost, passwords)
    found = (await owner.get(f"/api/vhosts/{place}/permissions")).json()
    topics = (await owner.get(f"/api/topic-permissions/{place}/tillstream_gateway")).json()
    await owner.delete("/api/users/tillstream_analytics")
    rights = {one["user"]: one["write"] for one in found}
    assert rights["tillstream_gateway"] == SERVICE_PERMISSIONS["gateway"].write
    assert "tillstream_analytics" not in rights
    allowed = {(one["exchange"], one["write"]) for one in topics}
    assert allowed == {(topology.EVENTS, "^$"), (topology.HINTS, "^$")}


async def test_bindings_of_an_earlier_version_go_at_the_next_start(broker, owner):
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(topology.EVENTS_INGESTOR, ensure=False)
        await queue.bind(topology.EVENTS, "tenant.#")
        await topology.declare(channel)
    keys = {key for exchange, key in await _ways(owner, broker) if exchange == topology.EVENTS}
    assert "tenant.#" not in keys
    assert "tenant.erased.v1" in keys
