"""The webhooks service with its own rights at both stores, and doors to shut before them."""

from collections.abc import AsyncIterator

import pytest

from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import Door
from tests.integration.webhooks.running import Service, service


@pytest.fixture
async def broker_door(broker: Broker) -> AsyncIterator[Door]:
    async with Door(broker.url_for("webhooks")) as door:
        yield door


@pytest.fixture
async def database_door(database: Database) -> AsyncIterator[Door]:
    async with Door(database.url_for("webhooks")) as door:
        yield door


@pytest.fixture
async def webhooks(database: Database, broker: Broker) -> AsyncIterator[Service]:
    async with service(database.url_for("webhooks"), broker.url_for("webhooks")) as running:
        yield running
