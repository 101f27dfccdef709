"""A redacted person is forgotten for good, wherever a copy was and whatever comes later, while the
orders stay and every sum stays what it was.
"""

import asyncio
import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.common.clock import utc_now
from libs.common.errors import MessageMalformedError
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, encode_records
from libs.common.tables import store
from services.ingestor.deliveries.dead_letters import keep_dead_letter
from services.ingestor.facts import Customer
from services.ingestor.privacy.erasure import erase_rows
from tests.factories import SHOP, new_delivery
from tests.integration.ingestor.confirming import work_off
from tests.integration.ingestor.facts import customer, order, seen
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import customer_body, order_body

ADA, BOB = 7, 8
EMAIL = f"person{ADA}@example.com"
MARKS = ("Lovelace", EMAIL)
_SUMS = """SELECT (SELECT count(*) FROM store.orders WHERE customer_id = 7) AS orders,
    (SELECT sum(revenue) FROM store.customer_sales WHERE customer_id = 7) AS revenue,
    (SELECT records FROM store.entity_counts WHERE entity = 'customers') AS customers"""


def _ada(version: float = 0) -> Customer:
    return customer(ADA, version, last_name="Lovelace")


def _redaction(tenant_id: UUID, number: int = ADA, **values: Any) -> DeliveryRecord:
    body = {
        "shop_id": 1,
        "shop_domain": SHOP,
        "customer": {"id": number, "email": f"Person{number}@example.com", "phone": "555"},
        "orders_to_redact": [55],
    }
    return new_delivery(tenant_id, "customers/redact", body, **values)


async def _redact(world: World, publisher: Publisher, *asked: DeliveryRecord) -> None:
    """The deliveries, and all that follows from them for a shop that was disconnected."""
    await handle_all(world.engine, asked, publisher)
    await work_off(world.engine, publisher)


async def _bury(world: World, tenant_id: UUID, topic: str, body: Any) -> None:
    lost = new_delivery(tenant_id, topic, body)
    message = encode_records([lost])
    await keep_dead_letter(
        world.engine,
        DeadLetter("deliveries.store", Kind.DELIVERY, topic, 1, message, tenant_id, topic, lost.id),
    )


async def _everything(world: World, tenant_id: UUID) -> str:
    """Every row of the tenant in one text, with what is in the dead letters."""
    told = []
    for table in store.metadata.tables.values():
        for row in await world.rows(tenant_id, f"SELECT * FROM {table}"):
            told += [
                v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in row.values()
            ]
    return "\n".join(told)


def _marks_in(everything: str) -> list[str]:
    return [mark for mark in MARKS if mark.lower() in everything.lower()]


def _naming(shop_id: int, domain: str) -> dict[str, Any]:
    return {"shop_id": shop_id, "shop_domain": domain, "customer": {"id": ADA}}


async def _person(world: World, tenant_id: UUID, number: int = ADA) -> tuple[Any, ...]:
    query = f"SELECT email, first_name, last_name FROM store.customers WHERE id = {number}"
    return tuple((await world.row(tenant_id, query)).values())


async def test_a_redacted_person_is_in_no_table_and_every_sum_stays(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    orders = [order(number, customer_id=ADA) for number in (1, 2)]
    facts = [_ada(), customer(BOB), *orders, order(3, customer_id=BOB)]
    await world.apply(*(seen(tenant_id, fact) for fact in facts))
    before = await world.row(tenant_id, _SUMS)
    assert before["revenue"] == Decimal("20.00")
    assert _marks_in(await _everything(world, tenant_id)) == list(MARKS)

    await _redact(world, publisher, _redaction(tenant_id))

    assert _marks_in(await _everything(world, tenant_id)) == []
    assert await world.row(tenant_id, _SUMS) == before
    assert await world.differences(tenant_id) == []
    assert await _person(world, tenant_id, BOB) == (f"person{BOB}@example.com", "Ada", "v0")
    assert (await world.row(tenant_id, "SELECT version FROM store.versions"))["version"] == 2


async def test_no_later_copy_brings_the_person_back(world: World, publisher: Publisher) -> None:
    tenant_id = await world.add_tenant()
    old = new_delivery(tenant_id, "customers/update", customer_body(id=ADA, email=EMAIL))
    await handle_all(world.engine, [old], publisher)
    await _redact(world, publisher, _redaction(tenant_id))

    newer = customer_body(id=ADA, email=EMAIL, updated_at="2026-12-08T00:00:00Z")
    inside = order_body(id=9, customer={"id": ADA, "email": EMAIL, "last_name": "Lovelace"})
    for replay in (old, new_delivery(tenant_id, "customers/update", newer)):
        await handle_all(world.engine, [replay], publisher)
    await handle_all(world.engine, [new_delivery(tenant_id, "orders/create", inside)], publisher)
    pulled = seen(tenant_id, _ada(10_000_000), 10_000_001, pulled=True)
    await world.apply(pulled)

    assert await _person(world, tenant_id) == (None, None, None)
    assert _marks_in(await _everything(world, tenant_id)) == []
    row = await world.row(tenant_id, "SELECT updated_at FROM store.customers WHERE id = 7")
    assert row["updated_at"] == pulled.fact.updated_at, "the rest of the copy is taken"


async def test_a_person_redacted_before_the_first_copy_comes_without_a_name(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant(shop=True)
    await _redact(world, publisher, _redaction(tenant_id))
    assert await world.differences(tenant_id) == []

    older = seen(tenant_id, _ada(-90), -60, pulled=True)
    await world.apply(older, seen(tenant_id, order(1, customer_id=ADA, customer=_ada())))

    assert await _person(world, tenant_id) == (None, None, None)
    assert await world.differences(tenant_id) == []
    assert (await world.row(tenant_id, _SUMS))["customers"] == 1


async def test_copies_written_while_a_person_is_redacted_bring_nothing_back(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()

    await asyncio.gather(
        *(world.apply(seen(tenant_id, _ada(version))) for version in range(8)),
        _redact(world, publisher, _redaction(tenant_id)),
        *(world.apply(seen(tenant_id, _ada(version), pulled=True)) for version in range(8, 16)),
    )

    assert await _person(world, tenant_id) == (None, None, None)
    assert await world.differences(tenant_id) == []


async def test_dead_letters_about_the_person_go_and_those_of_others_stay(
    world: World, publisher: Publisher
) -> None:
    tenant_id, other = await world.add_tenant(), await world.add_tenant()
    about = {
        "customers/update": {"id": ADA},
        "orders/create": {"id": 1, "customer": {"id": ADA}},
        "orders/updated": {"id": 55, "shipping_address": {"name": "A. L."}},
        "refunds/create": {"id": 2, "order_id": 55},
        "draft_orders/create": {"id": 3, "email": EMAIL.upper()},
        "customer.tags_added/x": {"customerId": f"gid://shopify/Customer/{ADA}"},
        "checkouts/create": b'{"customer": {"id": 7}, cut short',
    }
    unlike = {
        "customers/create": {"id": BOB, "note": "7", "orders_count": ADA},
        "products/update": {"id": ADA},
        "orders/paid": {"id": 77, "customer": {"id": BOB}},
    }
    for topic, body in (about | unlike).items():
        await _bury(world, tenant_id, topic, body)
    await _bury(world, other, "customers/update", {"id": ADA})

    await _redact(world, publisher, _redaction(tenant_id))

    kept = await world.rows(tenant_id, "SELECT topic FROM store.dead_letters")
    assert {row["topic"] for row in kept} == set(unlike)
    assert len(await world.rows(other, "SELECT 1 FROM store.dead_letters")) == 1


async def test_a_delivery_given_up_after_the_redaction_is_not_kept(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    await _redact(world, publisher, _redaction(tenant_id))

    await _bury(world, tenant_id, "orders/create", {"id": 1, "customer": {"id": ADA}})
    await _bury(world, tenant_id, "orders/create", {"id": 1, "customer": {"id": BOB}})

    [kept] = await world.rows(tenant_id, "SELECT record FROM store.dead_letters")
    assert b'{"id":8}' in kept["record"]


@pytest.mark.parametrize("topic", ["orders/create", "customers/update"])
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30, 1.5, True, [ADA], {"id": ADA}])
async def test_a_delivery_whose_ids_are_none_is_kept_and_looked_through(
    world: World, publisher: Publisher, topic: str, number: Any
) -> None:
    tenant_id = await world.add_tenant()
    names = {"customer": {"id": number}, "customer_id": number, "order_id": number}

    body = json.dumps({"id": number} | names).encode()
    await _bury(world, tenant_id, topic, body)
    for redacted in (1, BOB):
        await _redact(world, publisher, _redaction(tenant_id, redacted))

    assert len(await world.rows(tenant_id, "SELECT 1 FROM store.dead_letters")) == 1


async def test_a_repeated_redaction_is_one_receipt_and_one_change(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, _ada()))
    await _bury(world, tenant_id, "customers/update", {"id": ADA})
    asked = _redaction(tenant_id, id="the-same", time=utc_now() - timedelta(days=20))

    for _ in range(2):
        await _redact(world, publisher, asked, asked)

    receipt = await world.row(tenant_id, "SELECT * FROM store.privacy_requests")
    assert (receipt["topic"], receipt["customer_id"]) == ("customers/redact", ADA)
    assert receipt["counts"] == {"customers": 1, "deadLetters": 1, "files": 0}
    assert receipt["requested_at"] == asked.time
    assert isinstance(receipt["done_at"], datetime)
    assert (await world.row(tenant_id, "SELECT version FROM store.versions"))["version"] == 2


async def test_a_request_about_an_erased_tenant_changes_nothing(
    world: World, publisher: Publisher
) -> None:
    tenant_id = await world.add_tenant()
    await erase_rows(world.engine, tenant_id, utc_now())
    await _redact(world, publisher, _redaction(tenant_id))
    for table in ("customers", "privacy_requests"):
        assert await world.rows(tenant_id, f"SELECT 1 FROM store.{table}") == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not_json"),
        ({"customer": None}, "wrong_shape: $.customer"),
        ({"customer": {"id": 0}}, "wrong_shape: $.customer.id"),
        ({"shop_id": 1, "customer": {"id": 1}}, "wrong_shape: $"),
        ({"shop_domain": SHOP, "customer": {"id": 1}}, "wrong_shape: $"),
        (_naming(1, "x.myshopify.com"), "body_of_another_shop"),
        (_naming(2, SHOP), "body_of_another_shop"),
    ],
)
@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request"])
async def test_a_request_that_cannot_be_read_is_set_aside_for_a_person(
    world: World, publisher: Publisher, topic: str, body: Any, reason: str
) -> None:
    tenant_id = await world.add_tenant()
    with pytest.raises(MessageMalformedError) as caught:
        await handle_all(world.engine, [new_delivery(tenant_id, topic, body)], publisher)
    assert caught.value.context["reason"] == reason
