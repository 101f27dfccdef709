"""The body of a delivery reaches no log line, not even by way of the broker's driver."""

import io
import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from libs.common.errors import BrokerUnavailableError
from libs.common.logs import configure_logs
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import DELIVERIES, HEALTH, HEALTH_WEBHOOKS
from tests.integration.messaging.queues import Door


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("webhooks", "DEBUG")
    output = io.StringIO()
    root.handlers[0].setStream(output)
    yield output
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_a_message_returned_too_late_is_not_written_out(door: Door, output: io.StringIO):
    async with Publisher(SecretStr(door.url), "test") as publisher:
        await publisher.publish(HEALTH, HEALTH_WEBHOOKS, b"")
        door.silent(True)
        with pytest.raises(BrokerUnavailableError):
            await publisher.publish(DELIVERIES, "no.such.lane", b"canary", timeout_seconds=0.2)
        door.silent(False)
    assert "canary" not in output.getvalue()
