"""A body that Shopify signed for another shop changes nothing, and a person hears of it."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.common.errors import MessageMalformedError
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import encode_records
from services.ingestor.deliveries.dead_letters import keep_dead_letter
from tests.factories import new_delivery
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import customer_body

_PERSON = {"shop_id": 1, "customer": {"id": 7}}


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/delete", {"id": 1}),
        ("customers/update", customer_body()),
        ("customers/redact", _PERSON),
        ("customers/data_request", _PERSON),
    ],
)
async def test_a_delivery_whose_body_names_another_shop_is_refused_and_told_as_forged(
    world: World, publisher: Publisher, topic: str, body: dict[str, Any]
) -> None:
    tenant_id = await world.add_tenant()
    forged = new_delivery(tenant_id, topic, body | {"shop_domain": "another.myshopify.com"})
    with pytest.raises(MessageMalformedError) as refused:
        await handle_all(world.engine, [forged], publisher)
    letter = DeadLetter(
        *("deliveries.store", Kind.DELIVERY, str(refused.value.context["reason"]), 1),
        *(encode_records([forged]), tenant_id, topic, forged.id),
    )

    with capture_logs() as logs:
        await keep_dead_letter(world.engine, letter)

    [event] = [line for line in logs if line["event"] == "security_event"]
    assert (event["security_event"], event["topic"]) == ("delivery_forged", topic)
    assert event["tenant_id"] == str(tenant_id)
    assert await world.rows(tenant_id, "SELECT 1 FROM store.deletion_checks") == []
