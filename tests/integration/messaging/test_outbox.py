"""The outbox publishes what was committed: each row at least once, nothing else ever."""

import asyncio
from contextlib import suppress
from uuid import UUID, uuid4

import orjson
from pydantic import SecretStr
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from libs.common.events.contracts import TenantConnected
from libs.common.messaging.outbox import relay_outbox
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS_INGESTOR
from libs.common.tables.tenancy import outbox
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import (
    Door,
    count_messages,
    running,
    take_message,
    until,
)


class ChangedMindError(Exception):
    pass


async def add(engine: AsyncEngine, number: int, *, commit: bool = True) -> list[UUID]:
    """Write `number` events in one transaction."""
    events = [
        TenantConnected(tenant_id=uuid4(), shop_domain="a.myshopify.com") for _ in range(number)
    ]
    rows = [
        {
            "event_id": event.event_id,
            "type": event.TYPE,
            "tenant_id": event.tenant_id,
            "body": orjson.loads(event.to_json()),
        }
        for event in events
    ]
    with suppress(ChangedMindError):
        async with transaction(engine) as tx:
            await tx.execute(insert(outbox), rows)
            if not commit:
                raise ChangedMindError
    return [event.event_id for event in events] if commit else []


async def is_empty(engine: AsyncEngine) -> bool:
    async with transaction(engine) as tx:
        return (await tx.execute(select(func.count()).select_from(outbox))).scalar_one() == 0


async def published(broker: Broker) -> list[UUID]:
    found = []
    for _ in range(await count_messages(broker.url, EVENTS_INGESTOR)):
        message = await take_message(broker.url, EVENTS_INGESTOR)
        found.append(TenantConnected.from_json(message.body).event_id)
    return found


async def test_exactly_the_committed_rows_are_published_oldest_first(
    broker: Broker, database: Database
):
    engine = create_engine(SecretStr(database.url_for("oauth")), "test")
    committed = await add(engine, 60)
    await add(engine, 3, commit=False)
    committed += await add(engine, 1)
    async with Publisher(SecretStr(broker.url_for("oauth")), "test") as publisher:
        async with running(relay_outbox(engine, outbox, publisher)):
            await until(lambda: is_empty(engine))
    assert await published(broker) == committed
    await engine.dispose()


async def test_two_relays_publish_each_row_once(broker: Broker, database: Database):
    engine = create_engine(SecretStr(database.url_for("oauth")), "test")
    committed = await add(engine, 120)
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        async with running(
            relay_outbox(engine, outbox, publisher), relay_outbox(engine, outbox, publisher)
        ):
            await until(lambda: is_empty(engine))
    assert sorted(await published(broker)) == sorted(committed)
    await engine.dispose()


async def test_a_row_that_comes_later_is_published_when_woken(broker: Broker, database: Database):
    engine = create_engine(SecretStr(database.url_for("oauth")), "test")
    wake = asyncio.Event()
    async with Publisher(SecretStr(broker.url), "test") as publisher:
        async with running(relay_outbox(engine, outbox, publisher, wake=wake)):
            await asyncio.sleep(0.1)
            committed = await add(engine, 1)
            wake.set()
            await until(lambda: is_empty(engine))
    assert await published(broker) == committed
    await engine.dispose()


async def test_a_broker_outage_keeps_the_rows_until_it_is_back(
    broker: Broker, database: Database, door: Door
):
    engine = create_engine(SecretStr(database.url_for("oauth")), "test")
    await door.lock()
    committed = await add(engine, 2)
    async with Publisher(SecretStr(door.url), "test") as publisher:
        async with running(relay_outbox(engine, outbox, publisher)):
            await asyncio.sleep(0.3)
            assert not await is_empty(engine)
            await door.unlock()
            await until(lambda: is_empty(engine))
    assert await published(broker) == committed
    await engine.dispose()


async def test_a_database_outage_is_waited_out(broker: Broker, database: Database):
    direct = create_engine(SecretStr(database.url_for("oauth")), "test")
    async with Door(database.url_for("oauth")) as door:
        engine = create_engine(SecretStr(door.url), "test")
        async with Publisher(SecretStr(broker.url), "test") as publisher:
            async with running(relay_outbox(engine, outbox, publisher)):
                await asyncio.sleep(0.1)
                await door.lock()
                committed = await add(direct, 1)
                await asyncio.sleep(0.3)
                await door.unlock()
                await until(lambda: is_empty(direct))
        await engine.dispose()
    assert await published(broker) == committed
    await direct.dispose()
