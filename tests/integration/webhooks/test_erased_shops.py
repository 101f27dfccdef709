"""An erased shop is unknown at the door soon after, and nothing of it waits in the spool."""

import asyncio
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select

from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from libs.common.messaging.records import encode_records
from libs.common.messaging.topology import Lane
from libs.common.tables.intake import spool
from libs.common.tables.tenancy import shop_directory
from services.webhooks.directory import ShopDirectory
from services.webhooks.repository import add_to_spool, lock_oldest
from tests.brokers import Broker
from tests.databases import Database
from tests.factories import new_delivery
from tests.integration.messaging.queues import count_messages
from tests.integration.webhooks.running import Service, count_spooled
from tests.integration.webhooks.shopify import add_shop


async def _forget(database: Database, tenant_id: UUID) -> None:
    engine = create_engine(SecretStr(database.url_for("oauth")), "test")
    async with transaction(engine) as tx:
        await tx.execute(delete(shop_directory).where(shop_directory.c.tenant_id == tenant_id))
    await engine.dispose()


def _message(tenant_id: UUID) -> bytes:
    return encode_records([new_delivery(tenant_id)])


async def test_an_erased_shop_is_refused_as_unknown_at_the_next_refresh(
    webhooks: Service, database: Database
):
    shop, tenant_id = await add_shop(database)
    kept, _ = await add_shop(database)
    assert (await webhooks.deliver(shop)).status_code == 200

    await _forget(database, tenant_id)

    async with asyncio.timeout(20):
        while (await webhooks.deliver(shop)).status_code != 404:
            await asyncio.sleep(0.1)
    assert (await webhooks.deliver(kept)).status_code == 200


@pytest.mark.parametrize(
    ("topic", "status"),
    [
        ("customers/data_request", 200),
        ("customers/redact", 200),
        ("shop/redact", 200),
        ("app/uninstalled", 404),
    ],
)
async def test_what_privacy_law_asks_of_an_unknown_shop_is_done_already(
    webhooks: Service, broker: Broker, topic: str, status: int
):
    answer = await webhooks.deliver("gone.myshopify.com", topic=topic)
    assert answer.status_code == status
    assert await count_spooled(webhooks.engine) == 0
    for lane in Lane:
        assert await count_messages(broker.url, lane) == 0


async def test_what_is_spooled_for_an_erased_shop_is_dropped_and_no_more_than_that(
    database: Database,
):
    (_, gone), (_, kept) = await add_shop(database), await add_shop(database)
    engine = create_engine(SecretStr(database.url_for("webhooks")), "test")
    await add_to_spool(engine, Lane.STORE, [_message(gone), _message(kept), _message(gone)])
    await _forget(database, gone)

    async with transaction(engine) as relay:
        await lock_oldest(relay, rows=1, most_bytes=1)
        await ShopDirectory(engine).drop_orphans()
    async with transaction(engine) as tx:
        left = list(await tx.scalars(select(spool.c.tenant_id).order_by(spool.c.id)))
    assert left == [gone, kept], "what a relay holds is left to it"

    await ShopDirectory(engine).drop_orphans()
    async with transaction(engine) as tx:
        assert list(await tx.scalars(select(spool.c.tenant_id))) == [kept]
    await engine.dispose()
