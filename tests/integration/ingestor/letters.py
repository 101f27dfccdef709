"""Dead letters for tests: made, set aside, and found as the operator finds them."""

from typing import Any
from uuid import UUID

from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.records import DeliveryRecord, encode_records
from libs.common.messaging.topology import Lane
from libs.common.web.client import ServiceClient
from libs.ops.dead_letters import (
    Selection,
    find_letters,
)
from services.ingestor.deliveries.dead_letters import keep_dead_letter
from tests.factories import new_delivery
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import order_body


def letter_of(record: DeliveryRecord, reason: str = "test", **values: Any) -> DeadLetter:
    given: dict[str, Any] = {"consumer": Lane.STORE.value, "kind": Kind.DELIVERY, **values}
    return DeadLetter(
        reason=reason,
        attempts=6,
        record=encode_records([record]),
        tenant_id=record.tenant_id,
        topic=record.type,
        delivery_id=record.id,
        triggered_at=record.time,
        **given,
    )


async def set_aside(world: World, *letters: DeadLetter) -> None:
    for letter in letters:
        await keep_dead_letter(world.engine, letter)


async def letter_ids(ingestor: ServiceClient, **chosen: Any) -> list[str]:
    found = await find_letters(ingestor, Selection(**chosen))
    return [letter["id"] for letter in found["deadLetters"]]


async def reasons(ingestor: ServiceClient, **chosen: Any) -> set[str]:
    found = await find_letters(ingestor, Selection(**chosen))
    return {letter["reason"] for letter in found["deadLetters"]}


def order(tenant_id: UUID, number: int = 1, topic: str = "orders/create") -> DeliveryRecord:
    return new_delivery(tenant_id, topic, order_body(id=number))
