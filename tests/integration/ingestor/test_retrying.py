"""Dead letters are sent again or discarded, with real parts: what is sent again is applied once,
gone when the broker has confirmed it, and back if it fails.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from libs.common.errors import (
    BrokerUnavailableError,
    NotFoundError,
)
from libs.common.events.contracts import TenantConnected
from libs.common.messaging.consumer import consume_deliveries
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import decode_records
from libs.common.messaging.topology import EVENTS_GATEWAY, EVENTS_INGESTOR, Lane
from libs.common.web.client import ServiceClient
from libs.ops.dead_letters import (
    Selection,
    discard_letters,
    find_letters,
    paced,
    retry_letters,
    show_letter,
)
from services.ingestor.deliveries.handle import delivery_handler
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.factories import new_delivery
from tests.integration.ingestor.letters import letter_ids, letter_of, order, reasons, set_aside
from tests.integration.ingestor.world import World
from tests.integration.messaging.queues import count_messages, running, take_message, until
from tests.keeper import ROOT

FAST = 1_000.0
PRIVACY = ("customers/redact", "customers/data_request", "shop/redact")


@pytest.fixture
async def owner(broker: Broker) -> AsyncIterator[Publisher]:
    async with Publisher(SecretStr(broker.url), "operator") as publisher:
        yield publisher


@asynccontextmanager
async def _consuming(world: World, broker: Broker) -> AsyncIterator[None]:
    """The live path of the ingestor."""
    url = SecretStr(broker.url_for("ingestor"))
    async with Publisher(url, "ingestor") as publisher:
        handle = delivery_handler(world.engine, publisher)
        async with running(consume_deliveries(url, Lane.STORE, handle, publisher)):
            yield


async def test_once_the_cause_is_put_right_a_retry_applies_the_delivery(
    world: World, broker: Broker, owner: Publisher, ingestor: ServiceClient
):
    tenant_id = await world.add_tenant()
    await set_aside(world, letter_of(order(tenant_id, 41), "shop_facts_missing"))
    ids = await letter_ids(ingestor, tenant=str(tenant_id))

    async def applied() -> bool:
        return bool(await world.rows(tenant_id, "SELECT 1 FROM store.orders WHERE id = 41"))

    async with _consuming(world, broker):
        outcome = await retry_letters(ingestor, owner, ids, FAST)
        await until(applied)

    assert (outcome.done, outcome.left) == (1, {})
    assert await letter_ids(ingestor) == []


async def test_the_same_letter_retried_twice_is_applied_once(
    world: World, broker: Broker, owner: Publisher, ingestor: ServiceClient
):
    tenant_id = await world.add_tenant()
    await set_aside(world, letter_of(order(tenant_id, 41)))
    ids = await letter_ids(ingestor)

    await asyncio.gather(*(retry_letters(ingestor, owner, ids, FAST) for _ in range(3)))
    # As though the command had been cut off after the broker's answer.
    await set_aside(world, letter_of(order(tenant_id, 42)))
    [again] = await letter_ids(ingestor)
    given = await ingestor.ask("POST", f"/internal/dead-letters/{again}/retry", json={"by": "me"})
    assert given["retriedAt"] is not None
    assert await letter_ids(ingestor) == [again]
    await retry_letters(ingestor, owner, [again], FAST)

    async def drained() -> bool:
        return await count_messages(broker.url, Lane.STORE) == 0 and bool(
            await world.rows(tenant_id, "SELECT 1 FROM store.orders WHERE id = 42")
        )

    async with _consuming(world, broker):
        await until(drained)
    daily = "SELECT sum(orders) AS orders FROM store.daily_sales"
    assert (await world.row(tenant_id, daily))["orders"] == 2
    assert await letter_ids(ingestor) == []
    assert await world.differences(tenant_id) == []


async def test_one_that_fails_again_before_it_was_removed_stays(
    world: World, owner: Publisher, ingestor: ServiceClient
):
    letter = letter_of(order(await world.add_tenant()), "before")
    await set_aside(world, letter)
    [letter_id] = await letter_ids(ingestor)
    path = f"/internal/dead-letters/{letter_id}"
    given = await ingestor.ask("POST", f"{path}/retry", json={"by": "me"})
    await set_aside(world, DeadLetter(**{**_fields(letter), "reason": "after"}))

    await ingestor.ask("POST", f"{path}/retried", json={"retriedAt": given["retriedAt"]})

    assert await reasons(ingestor) == {"after"}


def _fields(letter: DeadLetter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in letter.__slots__}


async def test_while_the_broker_is_away_nothing_is_removed(world: World, ingestor: ServiceClient):
    await set_aside(world, letter_of(order(await world.add_tenant())))
    ids = await letter_ids(ingestor)
    async with Publisher(SecretStr("amqp://guest:guest@127.0.0.1:1/"), "away") as away:
        with pytest.raises(BrokerUnavailableError):
            await retry_letters(ingestor, away, ids, FAST)
    assert await letter_ids(ingestor) == ids


async def test_letters_of_every_service_go_back_to_their_own_queues(
    world: World, broker: Broker, owner: Publisher, ingestor: ServiceClient
):
    tenant_id = await world.add_tenant()
    event = TenantConnected(tenant_id=tenant_id, shop_domain="some-shop.myshopify.com")
    told: dict[str, Any] = {"tenant_id": tenant_id, "topic": event.TYPE}
    rolled_back = b"\x02 of a version that was rolled back"
    await set_aside(
        world,
        letter_of(new_delivery(tenant_id, "shop/redact"), consumer=Lane.TENANCY.value),
        DeadLetter(EVENTS_GATEWAY, Kind.EVENT, "x", 1, event.to_json(), **told),
        DeadLetter(EVENTS_INGESTOR, Kind.EVENT, "x", 1, event.to_json(), **told),
        DeadLetter(Lane.STORE.value, Kind.MESSAGE, "version_unknown", 1, rolled_back),
    )

    outcome = await retry_letters(ingestor, owner, await letter_ids(ingestor), FAST)

    assert (outcome.done, await letter_ids(ingestor)) == (4, [])
    tenancy = await take_message(broker.url, Lane.TENANCY)
    assert [one.type for one in decode_records(tenancy.body)] == ["shop/redact"]
    for queue in (EVENTS_GATEWAY, EVENTS_INGESTOR):
        message = await take_message(broker.url, queue)
        assert (message.headers["x-event-type"], message.body) == (event.TYPE, event.to_json())
    assert (await take_message(broker.url, Lane.STORE)).body == rolled_back


async def test_one_that_came_from_no_queue_is_left_and_the_others_are_retried(
    world: World, broker: Broker, owner: Publisher, ingestor: ServiceClient
):
    tenant_id = await world.add_tenant()
    forged = DeadLetter("dead", Kind.MESSAGE, "consumer_forged", 1, b"forged")
    await set_aside(world, forged, letter_of(order(tenant_id)))

    outcome = await retry_letters(ingestor, owner, await letter_ids(ingestor), FAST)

    assert outcome.done == 1
    assert "can only be discarded" in " ".join(outcome.left.values())
    assert await reasons(ingestor) == {"consumer_forged"}
    assert (
        await discard_letters(ingestor, await letter_ids(ingestor), privacy_requests=False)
    ).done == 1
    assert await count_messages(broker.url, Lane.STORE) == 1


@pytest.mark.parametrize("topic", PRIVACY)
async def test_what_the_law_wants_answered_is_discarded_only_when_that_is_said(
    world: World, ingestor: ServiceClient, topic: str
):
    tenant_id = await world.add_tenant()
    await set_aside(world, letter_of(new_delivery(tenant_id, topic)), letter_of(order(tenant_id)))
    ids = await letter_ids(ingestor)

    outcome = await discard_letters(ingestor, ids, privacy_requests=False)
    assert outcome.done == 1
    assert "30 days" in " ".join(outcome.left.values())
    [left] = await letter_ids(ingestor)

    with capture_logs() as lines:
        assert (await discard_letters(ingestor, [left], privacy_requests=True)).done == 1
    [event] = [line for line in lines if "security_event" in line]
    assert event["security_event"] == "privacy_request_discarded"
    assert await letter_ids(ingestor) == []


async def test_every_retry_and_discard_is_a_security_event_without_names(
    world: World, broker: Broker, owner: Publisher, ingestor: ServiceClient
):
    tenant_id = await world.add_tenant()
    await set_aside(world, letter_of(order(tenant_id, 1)), letter_of(order(tenant_id, 2)))
    first, second = await letter_ids(ingestor)
    with capture_logs() as lines:
        await retry_letters(ingestor, owner, [first], FAST)
        await discard_letters(ingestor, [second], privacy_requests=False)
    events = {line["security_event"]: line for line in lines if "security_event" in line}
    assert set(events) == {"dead_letter_retried", "dead_letter_discarded"}
    for event, letter_id in (("dead_letter_retried", first), ("dead_letter_discarded", second)):
        line = events[event]
        assert (line["letter"], line["tenant_id"]) == (letter_id, str(tenant_id))
        assert (line["topic"], line["consumer"]) == ("orders/create", "deliveries.store")
        assert len(line["who"]) == 16


async def test_an_unknown_id_is_named(ingestor: ServiceClient, owner: Publisher):
    unknown = uuid4()
    with pytest.raises(NotFoundError, match=str(unknown)):
        await find_letters(ingestor, Selection(ids=(unknown,)))
    with pytest.raises(NotFoundError, match=str(unknown)):
        await show_letter(ingestor, unknown, as_json=False)
    outcome = await retry_letters(ingestor, owner, [str(unknown)], FAST)
    assert (outcome.done, set(outcome.left)) == (0, {str(unknown)})


class _Clock:
    """Time passes while somebody sleeps, and by `work` between two items."""

    def __init__(self, work: float) -> None:
        self.now, self.work = 100.0, work

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("work", "at"), [(0.0, [0, 0.5, 1, 1.5]), (0.8, [0, 0.8, 1.6, 2.4])])
async def test_never_more_are_sent_than_so_many_a_second(work: float, at: list[float]):
    clock = _Clock(work)
    sent = []
    async for _ in paced(["a", "b", "c", "d"], 2, clock=clock, sleep=clock.sleep):
        sent.append(round(clock.now - 100, 3))
        clock.now += clock.work
    assert sent == at


async def _tillstream(url: str, broker: Broker, keys: CallerKeys, *arguments: str) -> str:
    """What the command says, for people and for scripts, and how it ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.ops.cli", "dead-letters", *arguments),
        cwd=ROOT,
        env={
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "300",
            "INGESTOR_URL": url,
            "AMQP_URL": broker.url,
            "CALLER_PRIVATE_KEY": keys.private["ops"],
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return f"{said.decode()}[{process.returncode}]"


async def test_the_command_lists_retries_and_discards(
    world: World, broker: Broker, url: str, keys: CallerKeys
):
    tenant_id = await world.add_tenant()
    redaction = new_delivery(tenant_id, "customers/redact")
    await set_aside(world, letter_of(order(tenant_id), "late"), letter_of(redaction, "recut"))

    async def run(*arguments: str) -> str:
        return await _tillstream(url, broker, keys, *arguments)

    listed = await run("list", "--topic", "orders/create")
    assert "late" in listed
    assert "recut" not in listed
    assert "--all means all" in await run("retry")
    assert "retried: 1 dead letters\n[0]" in await run("retry", "--reason", "late")
    assert await count_messages(broker.url, Lane.STORE) == 1
    kept = await run("discard", "--tenant", str(tenant_id), "--yes")
    assert "30 days" in kept
    assert kept.endswith("[1]")
    assert "Aborted" in await run("discard", "--all")
    assert "discarded: 1" in await run("discard", "--all", "--yes", "--privacy-requests")
    assert "no dead letters match" in await run("list")
