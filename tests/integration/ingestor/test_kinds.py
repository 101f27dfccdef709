"""Rows of further entities: the newest wins in any order, and what is gone stays gone."""

from itertools import permutations
from typing import Any
from uuid import UUID

import orjson

from libs.common.messaging.publisher import Publisher
from services.ingestor.entities.abandoned_checkouts import AbandonedCheckout
from services.ingestor.entities.discounts import Discount
from services.ingestor.entities.draft_orders import DraftOrder
from services.ingestor.facts import ZERO, Gone, Observation, Records
from tests.factories import SHOP
from tests.integration.ingestor.confirming import answer_all, work_off
from tests.integration.ingestor.facts import START, at
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import record


def discount(version: float = 0, **values: Any) -> Records:
    defaults: dict[str, Any] = {
        "id": 7,
        "title": f"v{version}",
        "status": "active",
        "by_code": True,
        "created_at": START,
        "starts_at": START,
        "ends_at": None,
    }
    row = Discount(updated_at=at(version), **(defaults | values))
    return Records(entity="discounts", rows=(row,))


def seen(
    tenant_id: UUID, fact: Records | Gone, minutes: float, *, pulled: bool = False
) -> Observation:
    return Observation(tenant_id=tenant_id, fact=fact, observed_at=at(minutes), pulled=pulled)


async def _held(world: World, tenant_id: UUID) -> tuple[str, bool]:
    row = await world.row(tenant_id, "SELECT title, deleted_at FROM store.discounts")
    return row["title"], row["deleted_at"] is None


async def test_the_newest_copy_wins_in_every_order(world: World) -> None:
    for arrangement in permutations(range(3)):
        tenant_id = await world.add_tenant()
        history = [
            seen(tenant_id, discount(1), 2),
            seen(tenant_id, discount(5), 6, pulled=True),
            seen(tenant_id, discount(3), 9),
        ]
        for index in arrangement:
            await world.apply(history[index])
        assert await _held(world, tenant_id) == ("v5", True), arrangement
        assert await world.differences(tenant_id) == []


async def test_a_deletion_is_final_unless_a_later_pull_sees_the_object(world: World) -> None:
    gone = Gone(entity="discounts", key=(7,))
    for arrangement in permutations(range(3)):
        tenant_id = await world.add_tenant()
        history = [
            seen(tenant_id, discount(1), 2),
            seen(tenant_id, gone, 5),
            seen(tenant_id, discount(9), 10),
        ]
        for index in arrangement:
            await world.apply(history[index])
        assert not (await _held(world, tenant_id))[1], arrangement
        assert await world.differences(tenant_id) == []
        await world.apply(seen(tenant_id, discount(9), 11, pulled=True))
        assert await _held(world, tenant_id) == ("v9", True)
        assert await world.differences(tenant_id) == []


async def test_one_batch_of_many_versions_is_as_one_after_the_other(world: World) -> None:
    tenant_id = await world.add_tenant()
    versions = [seen(tenant_id, discount(number), number) for number in (3, 1, 2)]
    await world.apply(*versions, seen(tenant_id, Gone(entity="discounts", key=(8,)), 4))

    rows = await world.rows(tenant_id, "SELECT id, title FROM store.discounts ORDER BY id")
    assert [(row["id"], row["title"]) for row in rows] == [(7, "v3"), (8, None)]
    assert await world.differences(tenant_id) == []


async def test_a_delivery_leaves_what_it_does_not_tell(world: World) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, discount(1, ends_at=at(99)), 2, pulled=True))
    told = discount(5, title="Renamed", starts_at=None, ends_at=None)
    await world.apply(seen(tenant_id, told, 6))

    row = await world.row(tenant_id, "SELECT title, starts_at, ends_at FROM store.discounts")
    assert tuple(row.values()) == ("Renamed", START, at(99))
    await world.apply(seen(tenant_id, discount(7, ends_at=None), 8, pulled=True))
    row = await world.row(tenant_id, "SELECT title, starts_at, ends_at FROM store.discounts")
    assert tuple(row.values()) == ("v7", START, None)


async def test_a_delivery_of_a_draft_order_arrives_and_its_deletion_takes_it_away(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    body = {
        **{"id": 5, "name": "#D1", "status": "open", "order_id": None, "customer": {"id": 3}},
        **{"currency": "EUR", "total_price": "12.50", "subtotal_price": "10.00"},
        **{"total_tax": "2.50", "updated_at": START.isoformat(), "email": "ada@example.com"},
    }
    made = record("draft_orders/update", body, tenant_id=tenant_id, time=at(1), id="a")
    await handle_all(world.engine, [made], publisher)

    row = await world.row(tenant_id, "SELECT * FROM store.draft_orders")
    assert (row["id"], row["customer_id"], str(row["total"])) == (5, 3, "12.50")
    gone = record("draft_orders/delete", {"id": 5}, tenant_id=tenant_id, time=at(2), id="b")
    await handle_all(world.engine, [gone, made], publisher)
    await work_off(world.engine, publisher)
    row = await world.row(tenant_id, "SELECT deleted_at FROM store.draft_orders")
    assert row["deleted_at"] == at(2)
    assert await world.differences(tenant_id) == []


async def test_what_is_held_on_a_person_includes_drafts_and_checkouts(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    common: dict[str, Any] = {
        **{"customer_id": 3, "currency": "EUR", "total": ZERO, "subtotal": ZERO},
        **{"created_at": START, "completed_at": None, "updated_at": START},
    }
    draft = DraftOrder(
        id=5, name="#D1", status="open", order_id=None, taxes=ZERO, invoice_sent_at=None, **common
    )
    other = DraftOrder(
        **{"id": 6, "name": "#D2", "status": "open", "order_id": None, "taxes": ZERO},
        **{"invoice_sent_at": None, **common, "customer_id": 4},
    )
    checkout = AbandonedCheckout(id=8, **common)
    await world.apply(
        seen(tenant_id, Records(entity="draft_orders", rows=(draft, other)), 1),
        seen(tenant_id, Records(entity="abandoned_checkouts", rows=(checkout,)), 1),
    )
    asked = {"shop_id": 1, "shop_domain": SHOP, "customer": {"id": 3}, "orders_requested": []}
    request = record("customers/data_request", asked, tenant_id=tenant_id, id="r", time=at(2))
    await handle_all(world.engine, [request], publisher)
    await answer_all(world.engine)

    receipt = await world.row(tenant_id, "SELECT file, counts FROM store.privacy_requests")
    file = orjson.loads(receipt["file"])
    assert [row["id"] for row in file["draftOrders"]] == ["5"]
    assert [row["id"] for row in file["abandonedCheckouts"]] == ["8"]
    assert (receipt["counts"]["draftOrders"], receipt["counts"]["abandonedCheckouts"]) == (1, 1)
