"""A door in front of the test's own virtual host."""

from collections.abc import AsyncIterator

import pytest

from tests.brokers import Broker
from tests.integration.messaging.queues import Door


@pytest.fixture
async def door(broker: Broker) -> AsyncIterator[Door]:
    async with Door(broker.url) as door:
        yield door
