# Feature: shopify-multi-tenant-dashboard, Property 3: For any successfully registered tenant, the system should initiate data ingestion for customers, orders, and products.
"""Once a shop is connected, customers, orders and products are to be pulled, without more ado."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from libs.common.messaging.consumer import consume_events
from libs.common.messaging.outbox import relay_outbox
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS_INGESTOR
from libs.common.tables.tenancy import outbox
from services.ingestor.pulls.events import tenant_handlers
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.messaging.queues import running as running_beside
from tests.integration.oauth.driver import OauthDriver, new_domain, running, signed
from tests.integration.oauth.scripted_shopify import scripted_shopify
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/ingestor/pulls/queue.py",
    "    names = (*ENTITIES,",
    "    names = (*ENTITIES[:2],",
)
PULLS = """SELECT p.tenant_id, p.kind, p.state, s.pull_id = p.id AND s.due_at <= now() AS due,
    array_agg(e.entity ORDER BY e.entity) FILTER (
        WHERE e.entity IN ('customers', 'orders', 'products')) AS entities, bool_and(e.state = 'waiting') AS waiting
    FROM store.pulls p JOIN store.schedule s USING (tenant_id)
    LEFT JOIN store.pull_entities e ON e.tenant_id = p.tenant_id AND e.pull_id = p.id
    WHERE p.state = 'queued' GROUP BY p.tenant_id, p.id, s.tenant_id"""


class Platform:
    """The oauth service, the relay of its outbox, and the ingestor that hears of tenants."""

    def __init__(self, oauth: OauthDriver) -> None:
        self.oauth = oauth
        self.committed = asyncio.Event()
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    async def until_told(self) -> None:
        """Until every event that was committed has been published."""
        self.committed.set()
        while await self.oauth.rows("SELECT 1 FROM tenancy.outbox LIMIT 1"):
            await asyncio.sleep(0.005)


@pytest.fixture
async def platform(
    database: Database, broker: Broker, keys: CallerKeys, store: Store
) -> AsyncIterator[Platform]:
    await store.owner.execute("DELETE FROM tenancy.outbox")
    url = database.url_for("oauth")
    async with (
        scripted_shopify() as shopify,
        running(url, shopify.api_url, keys) as oauth,
        Publisher(SecretStr(broker.url_for("oauth")), "oauth") as teller,
        Publisher(SecretStr(broker.url_for("ingestor")), "ingestor") as publisher,
    ):
        made = Platform(oauth)
        handlers = tenant_handlers(store.engine, made.wake)
        heard = SecretStr(broker.url_for("ingestor"))
        async with running_beside(
            relay_outbox(oauth.engine, outbox, teller, wake=made.committed),
            consume_events(heard, EVENTS_INGESTOR, handlers, publisher),
        ):
            yield made


@PROPERTY
@given(times=st.lists(st.integers(1, 2), min_size=1, max_size=2))
async def test_a_connected_shop_is_to_be_pulled_whole(
    platform: Platform, store: Store, times: list[int]
):
    """`times`: how often each shop is connected, one after the other."""
    woken = platform.woken

    tenants = await asyncio.gather(*(_connect(platform, count) for count in times))

    await platform.until_told()
    async with asyncio.timeout(30):
        while platform.woken < woken + sum(times):
            await asyncio.sleep(0.005)
    rows = await store.read(tenants, PULLS)
    whole = ("backfill", "queued", True, ["customers", "orders", "products"], True)
    assert sorted(map(tuple, rows)) == sorted((tenant, *whole) for tenant in tenants)


async def _connect(platform: Platform, count: int) -> UUID:
    domain = new_domain()
    found = set()
    for _ in range(count):
        begun = await platform.oauth.begin(domain)
        await platform.oauth.callback(signed(begun.parameters), begun.browser)
        found.add(await platform.oauth.tenant_of(domain))
    [tenant_id] = found
    return tenant_id
