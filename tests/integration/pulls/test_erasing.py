"""An erased tenant is pulled no more and its rows go, but never on a message's word alone: oauth
is asked whether there is such an erasure.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.events.contracts import TenantErased
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import (
    DEAD_QUEUE,
    DEFAULT,
    EVENTS,
    EVENTS_INGESTOR,
    retry_queue,
)
from libs.common.workers import Workers
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls.worker import run_pulls
from services.ingestor.settings import IngestorSettings
from services.oauth.main import create_app
from services.oauth.settings import OauthSettings
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.http_servers import serving
from tests.integration.messaging.queues import take_message
from tests.integration.oauth.driver import environment
from tests.integration.pulls.tenants import PulledTenant, connected

NOBODY_LISTENS = "http://127.0.0.1:9"
_ERASURE = """
INSERT INTO tenancy.erasures (tenant_id, domain_hash, cause, requested_at, due_at, begun_at)
VALUES ($1, '', 'owner', now(), now(), CASE WHEN $2 THEN now() END)
"""


class Ingestor:
    """The pulls process, and oauth beside it."""

    def __init__(self, database: Database, broker: Broker, engine: AsyncEngine) -> None:
        self._database = database
        self._broker = broker
        self._engine = engine
        self._keys = CallerKeys()

    async def schedule(self, tenant_id: UUID, *, begun: bool) -> None:
        """As oauth has it; with `begun` the rows may go."""
        owner = await asyncpg.connect(self._database.url)
        await owner.execute(_ERASURE, tenant_id, begun)
        await owner.close()

    @asynccontextmanager
    async def running(self, publisher: Publisher, *, oauth_url: str | None = None) -> AsyncIterator:
        environment = {
            "PORT": "0",
            "DATABASE_URL": self._database.url_for("ingestor"),
            "AMQP_URL": self._broker.url_for("ingestor"),
            "WEBHOOKS_URL": NOBODY_LISTENS,
            "CALLER_PRIVATE_KEY": self._keys.private["ingestor"],
            "CALLER_PUBLIC_KEYS": self._keys.public_list,
        }
        async with self._oauth() as url:
            settings = IngestorSettings.from_environment(
                {**environment, "OAUTH_URL": oauth_url or url}
            )
            pulls = asyncio.create_task(run_pulls(settings, self._engine, publisher, Workers()))
            try:
                yield
            finally:
                pulls.cancel()
                await asyncio.gather(pulls, return_exceptions=True)

    @asynccontextmanager
    async def _oauth(self) -> AsyncIterator[str]:
        engine = create_engine(SecretStr(self._database.url_for("oauth")), "oauth", pool_size=2)
        api_url = NOBODY_LISTENS + "/{shop}"
        values = environment(self._database.url_for("oauth"), api_url, self._keys)
        async with serving(create_app(OauthSettings.from_environment(values), engine)) as url:
            yield url
        await engine.dispose()


@pytest.fixture
def ingestor(database: Database, broker: Broker, engine: AsyncEngine) -> Ingestor:
    return Ingestor(database, broker, engine)


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
