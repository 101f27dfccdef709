"""An erased tenant is pulled no more and its rows go, but never on a message's word alone: oauth
is asked whether there is such an erasure.
"""

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.events.contracts import TenantErased
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import (
    DEAD_QUEUE,
    DEFAULT,
    EVENTS,
    EVENTS_INGESTOR,
    retry_queue,
)
from services.ingestor.kinds.registry import KINDS
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import take_message
from tests.integration.pulls.erasing import NOBODY_LISTENS, Ingestor
from tests.integration.pulls.tenants import PulledTenant, connected


async def _publish(broker: Broker, event: TenantErased) -> None:
    async with Publisher(SecretStr(broker.url_for("oauth")), "oauth") as oauth:
        await oauth.publish(EVENTS, event.TYPE, event.to_json(), timeout_seconds=10)


async def _forge(broker: Broker, event: TenantErased) -> None:
    """Straight into the queue, by whoever may write there."""
    async with Publisher(SecretStr(broker.url), "hostile") as hostile:
        headers = {"x-event-type": event.TYPE}
        await hostile.publish(DEFAULT, EVENTS_INGESTOR, event.to_json(), headers=headers)


async def test_an_erased_tenant_is_pulled_no_more_and_its_rows_go(
    broker: Broker, publisher: Publisher, ingestor: Ingestor, tenant: PulledTenant
):
    await ingestor.schedule(tenant.id, begun=True)
    await _publish(broker, TenantErased(tenant_id=tenant.id))
    done = "SELECT counts FROM store.erasures WHERE erased_at IS NOT NULL"
    async with ingestor.running(publisher), asyncio.timeout(60):
        while not (receipts := await tenant.rows(done)):
            await asyncio.sleep(0.05)

    assert receipts[0]["counts"] == {
        **{"pulls": 1, "schedule": 1},
        "pull_entities": 3 + len(KINDS),
    }
    assert await tenant.rows("SELECT 1 FROM store.pulls") == []


@pytest.mark.parametrize("scheduled", [False, True])
async def test_a_forged_event_in_the_ingestors_queue_deletes_nothing(
    broker: Broker, publisher: Publisher, ingestor: Ingestor, tenant: PulledTenant, scheduled: bool
):
    if scheduled:
        await ingestor.schedule(tenant.id, begun=False)
    event = TenantErased(tenant_id=tenant.id)
    await _forge(broker, event)

    async with ingestor.running(publisher):
        letter = await take_message(broker.url, DEAD_QUEUE, seconds=60)

    assert (letter.headers["x-reason"], letter.body) == ("erasure_unknown", event.to_json())
    assert await tenant.rows("SELECT 1 FROM store.erasures") == []
    assert len(await tenant.rows("SELECT 1 FROM store.pulls")) == 1
    assert len(await tenant.rows("SELECT 1 FROM store.schedule")) == 1


async def test_while_oauth_cannot_be_asked_the_erasure_waits_and_nothing_is_deleted(
    broker: Broker,
    database: Database,
    publisher: Publisher,
    ingestor: Ingestor,
    engine: AsyncEngine,
):
    tenant = PulledTenant(engine, await connected(database))
    await ingestor.schedule(tenant.id, begun=True)
    event = TenantErased(tenant_id=tenant.id)
    await _publish(broker, event)

    async with ingestor.running(publisher, oauth_url=NOBODY_LISTENS):
        waiting = await take_message(broker.url, retry_queue(EVENTS_INGESTOR, "5s"), seconds=60)

    assert waiting.body == event.to_json()
    assert await tenant.rows("SELECT 1 FROM store.erasures") == []
