"""While one of the two stores works, every delivery is kept; without both, none is acknowledged."""

import asyncio
from uuid import uuid4

import aio_pika
import asyncpg

from libs.common.messaging.records import NO_TENANT, decode_records
from libs.common.messaging.topology import Lane
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import Door, count_messages, take_message, until
from tests.integration.webhooks.running import Service, service
from tests.integration.webhooks.shopify import add_shop


async def ids_in_lane(broker: Broker, lane: Lane = Lane.STORE) -> list[str]:
    found: list[str] = []
    while await count_messages(broker.url, lane):
        found += [one.id for one in decode_records((await take_message(broker.url, lane)).body)]
    return found


async def deliver_many(webhooks: Service, shop: str, number: int) -> list[str]:
    """Deliver, and return the ids of what was acknowledged."""
    ids = [str(uuid4()) for _ in range(number)]
    answers = await asyncio.gather(*(webhooks.deliver(shop, webhook_id=one) for one in ids))
    return [one for one, answer in zip(ids, answers, strict=True) if answer.status_code == 200]


async def until_relayed(webhooks: Service) -> None:
    async def relayed() -> bool:
        return await webhooks.spooled() == 0

    await until(relayed)


async def test_without_a_broker_at_the_start_deliveries_are_spooled_and_relayed_later(
    database: Database, broker: Broker, broker_door: Door
):
    shop, _ = await add_shop(database)
    await broker_door.lock()
    async with service(database.url_for("webhooks"), broker_door.url) as webhooks:
        stored = await deliver_many(webhooks, shop, 20)
        redact = await webhooks.deliver(shop, topic="shop/redact", webhook_id="redact")
        assert (len(stored), redact.status_code) == (20, 200)
        assert await webhooks.spooled() == 21
        assert (await webhooks.http.get("/health/ready")).status_code == 200
        await broker_door.unlock()
        await until_relayed(webhooks)
        assert sorted(await ids_in_lane(broker)) == sorted(stored)
        assert await ids_in_lane(broker, Lane.TENANCY) == ["redact"]
        assert len(await deliver_many(webhooks, shop, 1)) == 1
        assert await count_messages(broker.url, Lane.STORE) == 1


async def test_a_broker_that_dies_under_load_costs_no_acknowledged_delivery(
    database: Database, broker: Broker, broker_door: Door
):
    shop, _ = await add_shop(database)
    async with service(database.url_for("webhooks"), broker_door.url) as webhooks:
        load = asyncio.create_task(deliver_many(webhooks, shop, 200))
        await asyncio.sleep(0.05)
        await broker_door.lock()
        acknowledged = await load + await deliver_many(webhooks, shop, 20)
        await broker_door.unlock()
        await until_relayed(webhooks)
        assert set(acknowledged) <= set(await ids_in_lane(broker))
        assert len(acknowledged) == 220


async def test_a_silent_broker_is_left_for_the_spool(
    database: Database, broker: Broker, broker_door: Door
):
    shop, _ = await add_shop(database)
    async with service(database.url_for("webhooks"), broker_door.url) as webhooks:
        broker_door.silent(True)
        acknowledged = await deliver_many(webhooks, shop, 10)
        assert len(acknowledged) == 10
        assert await webhooks.spooled() == 10
        broker_door.silent(False)
        await until_relayed(webhooks)
        assert set(acknowledged) <= set(await ids_in_lane(broker))


async def test_a_lane_without_a_queue_keeps_deliveries_in_the_spool(
    webhooks: Service, database: Database, broker: Broker
):
    shop, _ = await add_shop(database)
    connection = await aio_pika.connect(broker.url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(Lane.STORE)
    assert len(await deliver_many(webhooks, shop, 3)) == 3
    assert await webhooks.spooled() == 3


async def test_what_another_release_has_spooled_holds_nothing_up(
    database: Database, broker: Broker, broker_door: Door
):
    """Whoever reads it knows what to do with a version that it does not know."""
    shop, _ = await add_shop(database)
    await broker_door.lock()
    owner = await asyncpg.connect(database.url)
    await owner.execute(
        "INSERT INTO intake.spool (lane, record) VALUES ('deliveries.store', $1)", b"\x07later"
    )
    await owner.close()
    async with service(database.url_for("webhooks"), broker_door.url) as webhooks:
        [kept] = await deliver_many(webhooks, shop, 1)
        await broker_door.unlock()
        await until_relayed(webhooks)
    bodies = [(await take_message(broker.url, Lane.STORE)).body for _ in range(2)]
    [ours] = [body for body in bodies if body != b"\x07later"]
    assert [one.id for one in decode_records(ours)] == [kept]


async def test_without_both_stores_nothing_is_acknowledged(
    database: Database, broker_door: Door, database_door: Door
):
    shop, _ = await add_shop(database)
    async with service(database_door.url, broker_door.url) as webhooks:
        await broker_door.lock()
        await database_door.lock()
        for _ in range(2):
            answer = await webhooks.deliver(shop)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["error"]["retryable"] is True
        ready = await webhooks.http.get("/health/ready")
        assert ready.status_code == 503
        await database_door.unlock()
        assert (await webhooks.deliver(shop)).status_code == 200
        await broker_door.unlock()
        await until_relayed(webhooks)


async def test_a_database_outage_costs_no_delivery_of_a_shop_that_is_not_in_memory(
    database: Database, broker: Broker, database_door: Door
):
    known, tenant_id = await add_shop(database)
    async with service(database_door.url, broker.url_for("webhooks")) as webhooks:
        await database_door.lock()
        assert (await webhooks.deliver(known)).status_code == 200
        assert (await webhooks.deliver("not-in-memory.myshopify.com")).status_code == 200
        [one, other] = [
            decode_records((await take_message(broker.url, Lane.STORE)).body)[0] for _ in range(2)
        ]
        assert (one.source, one.tenant_id) == (known, tenant_id)
        assert (other.source, other.tenant_id) == ("not-in-memory.myshopify.com", NO_TENANT)
        assert (await webhooks.http.get("/health/ready")).status_code == 200
        await database_door.unlock()


async def test_replicas_relay_one_spool_without_doing_it_twice(
    database: Database, broker: Broker, broker_door: Door
):
    shop, _ = await add_shop(database)
    await broker_door.lock()
    database_url = database.url_for("webhooks")
    async with (
        service(database_url, broker_door.url) as one,
        service(database_url, broker_door.url) as other,
    ):
        spooled = await deliver_many(one, shop, 150) + await deliver_many(other, shop, 150)
        await broker_door.unlock()
        await until_relayed(one)
        assert sorted(await ids_in_lane(broker)) == sorted(spooled)
