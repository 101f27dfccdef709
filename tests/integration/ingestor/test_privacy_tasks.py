"""What is asked about a person is a row of work: the live path only writes it down, what a worker
lost is taken over, and no order of events leaves anything of a person who was redacted.
"""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from libs.common.database.transaction import transaction
from libs.common.errors import TransientError
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, encode_records
from services.ingestor.deliveries.dead_letters import keep_dead_letter
from services.ingestor.privacy import letters
from services.ingestor.privacy.requests import disclose_person, redact_letters
from services.ingestor.tasks.repository import Task, TaskKind, TaskLostError, claim_tasks
from tests.factories import SHOP, new_delivery
from tests.integration.ingestor.confirming import answer_all, work_off
from tests.integration.ingestor.facts import customer, order, seen
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World

ADA, BOB = 7, 8
_RECEIPTS = "SELECT * FROM store.privacy_requests ORDER BY topic"
_LETTERS = "SELECT id FROM store.dead_letters"
KINDS = [TaskKind.DATA_REQUEST, TaskKind.REDACTION]


def _request(tenant_id: UUID, topic: str = "customers/data_request") -> DeliveryRecord:
    body = {
        **{"shop_id": 1, "shop_domain": SHOP, "orders_requested": [], "orders_to_redact": []},
        "customer": {"id": ADA, "email": "ada@example.com"},
    }
    return new_delivery(tenant_id, topic, body)


async def _person(world: World, *, set_aside: int = 0) -> UUID:
    """A tenant with a customer, an order, and so many dead letters about her."""
    tenant_id = await world.add_tenant()
    facts = (customer(ADA, email="ada@example.com"), order(1, customer_id=ADA), customer(BOB))
    await world.apply(*(seen(tenant_id, fact) for fact in facts))
    for number in range(set_aside):
        await _set_aside(world, tenant_id, {"id": ADA, "number": number})
    await _set_aside(world, tenant_id, {"id": BOB})
    return tenant_id


async def _set_aside(world: World, tenant_id: UUID, body: Any) -> None:
    lost = new_delivery(tenant_id, "customers/update", body)
    message = encode_records([lost])
    where = ("deliveries.store", Kind.DELIVERY, "test", 1, message)
    await keep_dead_letter(world.engine, DeadLetter(*where, tenant_id, lost.type))


async def _claim(world: World) -> list[Task]:
    async with transaction(world.engine) as tx:
        return await claim_tasks(tx, KINDS, 9)


async def _end_leases(world: World) -> None:
    async with transaction(world.engine) as tx:
        await tx.execute(text("UPDATE store.tasks SET lease_until = now(), due_at = now()"))


async def _redact(world: World, publisher: Publisher, tenant_id: UUID) -> Task:
    """Up to where Shopify has confirmed it: her letters are left, and the task is claimed."""
    await handle_all(world.engine, [_request(tenant_id, "customers/redact")], publisher)
    await work_off(world.engine, publisher, with_tasks=False)
    [task] = await _claim(world)
    return task


async def test_a_data_request_is_written_down_and_no_letter_is_looked_at_for_it(
    world: World, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
):
    tenant_id = await _person(world, set_aside=3)
    looked_at: list[object] = []
    inside = letters.is_about

    def watched(*given: Any) -> bool:
        looked_at.append(given)
        return inside(*given)

    monkeypatch.setattr(letters, "is_about", watched)
    asked = _request(tenant_id)
    for _ in range(2):
        await handle_all(world.engine, [asked], publisher)
    before = list(looked_at)
    [receipt] = await world.rows(tenant_id, _RECEIPTS)
    await answer_all(world.engine)

    assert (before, len(looked_at)) == ([], 4)
    assert (receipt["done_at"], receipt["file"]) == (None, None)
    [done] = await world.rows(tenant_id, _RECEIPTS)
    assert done["counts"]["deadLetters"] == 3
    assert (done["asked"], done["done_at"] is None) == (None, False)


async def test_a_request_that_a_worker_lost_is_answered_once_by_the_next(
    world: World, publisher: Publisher
):
    tenant_id = await _person(world)
    await handle_all(world.engine, [_request(tenant_id)], publisher)
    [first] = await _claim(world)
    assert await _claim(world) == []
    await _end_leases(world)
    [second] = await _claim(world)

    with pytest.raises(TaskLostError):
        await disclose_person(first, world.engine)
    [receipt] = await world.rows(tenant_id, _RECEIPTS)
    assert receipt["file"] is None
    await disclose_person(second, world.engine)

    [receipt] = await world.rows(tenant_id, _RECEIPTS)
    assert orjson.loads(receipt["file"])["customer"]["id"] == str(ADA)
    assert await world.rows(tenant_id, "SELECT 1 FROM store.tasks") == []


async def test_a_redaction_that_was_cut_off_is_ended_by_another_with_every_letter_counted_once(
    world: World, publisher: Publisher
):
    tenant_id = await _person(world, set_aside=50)
    first = await _redact(world, publisher, tenant_id)
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        # The last page cannot be deleted, so that some is done and some is not.
        newest = "SELECT id FROM store.dead_letters ORDER BY id DESC LIMIT 5 FOR UPDATE"
        await tx.execute(text(newest))
        redacting = asyncio.create_task(redact_letters(first, world.engine))
        async with asyncio.timeout(20):
            while len(await world.rows(tenant_id, _LETTERS)) == 51:
                await asyncio.sleep(0.01)
        redacting.cancel()
        await asyncio.gather(redacting, return_exceptions=True)
    left = len(await world.rows(tenant_id, _LETTERS))
    assert 1 < left < 51

    await _end_leases(world)
    await answer_all(world.engine)

    assert len(await world.rows(tenant_id, _LETTERS)) == 1
    [receipt] = await world.rows(tenant_id, _RECEIPTS)
    assert receipt["counts"] == {"customers": 1, "deadLetters": 50, "files": 0}
    assert (receipt["asked"], receipt["done_at"] is None) == (None, False)


async def test_letters_about_a_person_go_without_the_tenants_lock(
    world: World, publisher: Publisher
):
    tenant_id = await _person(world, set_aside=3)
    task = await _redact(world, publisher, tenant_id)
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(text("SELECT 1 FROM store.versions FOR UPDATE"))
        async with asyncio.timeout(20):
            await redact_letters(task, world.engine)
    assert len(await world.rows(tenant_id, _LETTERS)) == 1


async def test_a_file_made_while_the_person_is_redacted_is_made_again_without_the_person(
    world: World, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
):
    tenant_id = await _person(world, set_aside=1)
    await handle_all(world.engine, [_request(tenant_id)], publisher)
    [task] = await _claim(world)
    reading, redacted = asyncio.Event(), asyncio.Event()
    inside = letters._page

    async def slow(*given: Any) -> Any:
        page = await inside(*given)
        reading.set()
        await redacted.wait()
        return page

    with monkeypatch.context() as patch:
        patch.setattr(letters, "_page", slow)
        disclosing = asyncio.create_task(disclose_person(task, world.engine))
        await reading.wait()
    await _redact(world, publisher, tenant_id)
    redacted.set()
    with pytest.raises(TransientError):
        await disclosing

    await _end_leases(world)
    await answer_all(world.engine)
    requests = {row["topic"]: row for row in await world.rows(tenant_id, _RECEIPTS)}
    for receipt in requests.values():
        assert receipt["done_at"] is not None
        assert b"ada@example.com" not in (receipt["file"] or b"")
    assert len(await world.rows(tenant_id, _LETTERS)) == 1


async def test_a_request_whose_tenant_is_erased_meanwhile_ends_with_it(
    world: World, publisher: Publisher
):
    tenant_id = await _person(world)
    await handle_all(world.engine, [_request(tenant_id)], publisher)
    [task] = await _claim(world)
    await world.rows(tenant_id, "DELETE FROM store.privacy_requests RETURNING 1")
    await disclose_person(task, world.engine)
    assert await world.rows(tenant_id, "SELECT 1 FROM store.tasks") == []


@pytest.mark.parametrize(("record", "left"), [(b"\x07 ada@example.com", 1), (b"\x07 bob", 2)])
async def test_a_letter_that_nobody_can_read_stops_no_redaction_and_goes_where_it_names_the_person(
    world: World, publisher: Publisher, record: bytes, left: int
):
    tenant_id = await _person(world)
    where = ("deliveries.store", "delivery", "test", 1, "customers/update")
    columns = "tenant_id, id, consumer, kind, reason, attempts, topic, record"
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        added = f"INSERT INTO store.dead_letters ({columns})"
        await tx.exec_driver_sql(
            f"{added} VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", (tenant_id, uuid4(), *where, record)
        )

    await redact_letters(await _redact(world, publisher, tenant_id), world.engine)

    assert len(await world.rows(tenant_id, _LETTERS)) == left
