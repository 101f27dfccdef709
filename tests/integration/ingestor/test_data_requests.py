"""A data request ends in a file with all that is held on the customer, for a bounded time."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.identity import TokenVerifier
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord, encode_records
from libs.common.web.app import create_web_app
from libs.common.web.callers import HEALTH, CallerGuard
from services.ingestor.deliveries.dead_letters import keep_dead_letter
from services.ingestor.permissions import PERMISSIONS
from services.ingestor.privacy.files import empty_expired_files
from services.ingestor.privacy.routes import data_request_routes
from services.ingestor.pulls.queue import queue_backfill
from tests.caller_keys import CallerKeys
from tests.factories import SHOP, new_delivery
from tests.integration.ingestor.confirming import work_off
from tests.integration.ingestor.facts import customer, line, order, refund, seen
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import record

ADA, BOB, BIG = 7, 8, 2**60
FILES = "/api/ingestion/data-requests"


class Gateway:
    """Asks the ingestor as the gateway does, for one tenant."""

    def __init__(self, world: World) -> None:
        keys = CallerKeys()
        routes = data_request_routes(world.engine)
        rows = {row: permit for row, permit in PERMISSIONS.items() if FILES in row}
        guard = CallerGuard(TokenVerifier("ingestor", keys.public), {**HEALTH, **rows})
        app = create_web_app("ingestor", [routes], ready_checks={}, guard=guard)
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        self._keys = keys

    async def get(self, path: str, tenant_id: UUID) -> httpx.Response:
        auth = self._keys.auth("gateway", "ingestor", tenant_id)
        return await self._http.get(path, auth=auth)

    async def files(self, tenant_id: UUID) -> list[Any]:
        return list((await self.get(FILES, tenant_id)).json()["dataRequests"])

    async def file(self, tenant_id: UUID) -> Any:
        [listed] = await self.files(tenant_id)
        answer = await self.get(f"{FILES}/{listed['id']}/file", tenant_id)
        assert len(answer.content) == listed["bytes"]
        return answer.json()


@pytest.fixture
def gateway(world: World) -> Gateway:
    return Gateway(world)


def _request(
    tenant_id: UUID, *orders: int, topic: str = "customers/data_request"
) -> DeliveryRecord:
    body = {
        "shop_id": 1,
        "shop_domain": SHOP,
        "orders_requested": list(orders),
        "customer": {"id": ADA, "email": "ada@example.com", "phone": None},
        "data_request": {"id": 9999},
    }
    return new_delivery(tenant_id, topic, body)


async def _answer(world: World, publisher: Publisher, *asked: DeliveryRecord) -> None:
    """The deliveries, and all that follows from them."""
    await handle_all(world.engine, asked, publisher)
    await work_off(world.engine, publisher)


async def _fill(world: World) -> UUID:
    tenant_id = await world.add_tenant()
    lines = (line(1, "12.50", 2, product_id=BIG), line(2))
    facts = [
        customer(ADA, email="ada@example.com", last_name="Lovelace"),
        customer(BOB),
        order(BIG, customer_id=ADA, lines=lines, refunds=(refund(3, BIG, "4.20"),)),
        order(2, customer_id=BOB),
        order(3, customer_id=None),
    ]
    await world.apply(*(seen(tenant_id, fact) for fact in facts))
    for number in (ADA, BOB):
        lost = record("customers/update", {"id": number}, tenant_id=tenant_id)
        letter = DeadLetter(
            *("deliveries.store", Kind.DELIVERY, "test", 1, encode_records([lost])),
            *(tenant_id, lost.type, lost.id, lost.time),
        )
        await keep_dead_letter(world.engine, letter)
    return tenant_id


async def test_the_file_holds_the_customer_the_orders_and_what_was_set_aside(
    world: World, publisher: Publisher, gateway: Gateway
) -> None:
    tenant_id = await _fill(world)
    asked = _request(tenant_id, 3)

    await _answer(world, publisher, asked, asked)

    file = await gateway.file(tenant_id)
    assert file["shop"] == SHOP
    assert (file["customer"]["id"], file["customer"]["email"]) == (str(ADA), "ada@example.com")
    assert (file["customer"]["firstName"], file["customer"]["lastName"]) == ("Ada", "Lovelace")
    guest, hers = file["orders"]
    assert (guest["id"], hers["id"], hers["customerId"]) == ("3", str(BIG), str(ADA))
    assert (hers["total"], hers["currency"]) == ("35.00", "EUR")
    assert [one["total"] for one in hers["lines"]] == ["25.00", "10.00"]
    assert hers["lines"][0]["productId"] == str(BIG)
    assert [one["amount"] for one in hers["refunds"]] == ["4.20"]
    [letter] = file["deliveriesSetAside"]
    assert orjson.loads(letter["body"]) == {"id": ADA}
    assert "tenantId" not in orjson.dumps(file).decode()
    receipt = await world.row(tenant_id, "SELECT * FROM store.privacy_requests")
    assert receipt["counts"] == {"customers": 1, "orders": 2, "deadLetters": 1}


async def test_a_customer_of_whom_nothing_is_held_gets_a_file_that_says_so(
    world: World, publisher: Publisher, gateway: Gateway
) -> None:
    tenant_id = await world.add_tenant(shop=False)
    await _answer(world, publisher, _request(tenant_id, 3))

    file = await gateway.file(tenant_id)
    assert (file["customer"], file["orders"], file["deliveriesSetAside"]) == (None, [], [])


async def test_no_other_tenant_sees_the_file(
    world: World, publisher: Publisher, gateway: Gateway
) -> None:
    tenant_id, other = await _fill(world), await _fill(world)
    await _answer(world, publisher, _request(tenant_id))
    [listed] = await gateway.files(tenant_id)

    assert await gateway.files(other) == []
    for request_id in (listed["id"], uuid4()):
        answer = await gateway.get(f"{FILES}/{request_id}/file", other)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_an_expired_file_is_given_to_nobody_and_then_emptied(
    world: World, publisher: Publisher, gateway: Gateway
) -> None:
    tenant_id, other = await _fill(world), await _fill(world)
    for tenant in (tenant_id, other):
        await _answer(world, publisher, _request(tenant))
        async with transaction(world.engine, tenants=[tenant]) as tx:
            await queue_backfill(tx, tenant, uuid4(), utc_now())
    await _let_expire(world, tenant_id)

    [listed] = await gateway.files(tenant_id)
    assert listed["bytes"] is None
    answer = await gateway.get(f"{FILES}/{listed['id']}/file", tenant_id)
    assert answer.status_code == 404
    assert await empty_expired_files(world.engine) == 1
    assert await empty_expired_files(world.engine) == 0

    receipt = await world.row(tenant_id, "SELECT file, counts FROM store.privacy_requests")
    assert (receipt["file"], receipt["counts"]["orders"]) == (None, 1)
    assert (await gateway.file(other))["customer"]["lastName"] == "Lovelace"


async def test_a_redaction_takes_the_files_about_the_person_too(
    world: World, publisher: Publisher, gateway: Gateway
) -> None:
    tenant_id = await _fill(world)
    await _answer(world, publisher, _request(tenant_id))
    redaction = _request(tenant_id, topic="customers/redact")

    await _answer(world, publisher, redaction)

    [listed] = await gateway.files(tenant_id)
    assert listed["bytes"] is None
    rows = await world.rows(
        tenant_id, "SELECT counts FROM store.privacy_requests WHERE file IS NULL"
    )
    assert {"customers": 1, "deadLetters": 1, "files": 1} in [row["counts"] for row in rows]


async def _let_expire(world: World, tenant_id: UUID) -> None:
    async with transaction(world.engine, tenants=[tenant_id]) as tx:
        await tx.execute(text("UPDATE store.privacy_requests SET expires_at = now()"))
