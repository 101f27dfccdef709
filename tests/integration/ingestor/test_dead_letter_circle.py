"""A delivery that is set aside for a fault of ours is applied once the fault is put right and the
operator sends it again, through the real queues and as often as it takes.
"""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from libs.common.messaging.consumer import consume_dead, consume_deliveries
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import encode_records
from libs.common.messaging.topology import DELIVERIES, Lane
from libs.common.web.client import ServiceClient
from libs.ops.dead_letters import retry_letters
from services.ingestor.deliveries.dead_letters import dead_letter_keeper
from services.ingestor.deliveries.handle import delivery_handler
from tests.brokers import Broker
from tests.factories import SHOP, new_delivery
from tests.integration.ingestor.letters import letter_ids, reasons
from tests.integration.ingestor.world import World
from tests.integration.messaging.queues import running, until

FAST = 1_000.0
BODY = {
    **{"shop_id": 1, "shop_domain": SHOP, "orders_requested": []},
    "customer": {"id": 7, "email": "ada@example.com"},
}


@pytest.fixture
async def live(world: World, broker: Broker) -> AsyncIterator[None]:
    """The live path of the ingestor, and its keeper of dead letters."""
    url = SecretStr(broker.url_for("ingestor"))
    async with Publisher(url, "ingestor") as publisher:
        handle, keep = delivery_handler(world.engine, publisher), dead_letter_keeper(world.engine)
        async with running(
            consume_deliveries(url, Lane.STORE, handle, publisher),
            consume_dead(url, keep, publisher),
        ):
            yield


@pytest.mark.usefixtures("live")
async def test_what_fails_again_comes_back_and_what_is_put_right_is_applied(
    world: World, broker: Broker, ingestor: ServiceClient
):
    tenant_id = await world.add_tenant()
    await world.rows(tenant_id, "UPDATE store.shops SET shopify_id = 2 RETURNING 1")
    asked = new_delivery(tenant_id, "customers/data_request", BODY)

    async def is_set_aside() -> bool:
        letters = "SELECT 1 FROM store.dead_letters WHERE retried_at IS NULL"
        return len(await world.rows(tenant_id, letters)) == 1

    async def taken() -> bool:
        return len(await world.rows(tenant_id, "SELECT 1 FROM store.privacy_requests")) == 1

    async with Publisher(SecretStr(broker.url), "owner") as owner:
        await owner.publish(DELIVERIES, Lane.STORE, encode_records([asked]))
        await until(is_set_aside)
        assert await reasons(ingestor) == {"body_of_another_shop"}

        for _ in range(5):
            await retry_letters(ingestor, owner, await letter_ids(ingestor), FAST)
            await until(is_set_aside)
        assert not await taken()

        await world.rows(tenant_id, "UPDATE store.shops SET shopify_id = 1 RETURNING 1")
        outcome = await retry_letters(ingestor, owner, await letter_ids(ingestor), FAST)
        await until(taken)
    assert (outcome.done, await letter_ids(ingestor)) == (1, [])
