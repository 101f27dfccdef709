"""An operator sees when every shop is read, asks for pulls, and stops and starts the schedule."""

import json
from io import StringIO
from uuid import UUID

import pytest
from rich.console import Console

from libs.common.errors import CallerRefusedError, InvalidRangeError, NotFoundError
from libs.common.ids import new_id
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from libs.common.web.client import ServiceClient
from libs.ops.errors import OperationError
from libs.ops.pulls import run_pull, set_paused, show_schedule
from libs.ops.redactions import decide_redaction, show_redactions
from tests.caller_keys import CallerKeys
from tests.factories import SHOP, new_delivery
from tests.integration.ingestor.confirming import answer_all
from tests.integration.ingestor.facts import customer, seen
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World


async def _shop(world: World, domain: str) -> None:
    """Connected, and pulled once."""
    tenant_id = await world.add_tenant()
    pull_id = new_id()
    for statement in (
        f"UPDATE store.shops SET domain = '{domain}' RETURNING 1",
        "INSERT INTO store.pulls (tenant_id, id, kind, state, requested_at, finished_at,"
        f" records_processed) VALUES (:tenant, '{pull_id}', 'backfill', 'succeeded', now(),"
        " now(), 1234) RETURNING 1",
        "INSERT INTO store.schedule (tenant_id, pull_id, due_at)"
        f" VALUES (:tenant, '{pull_id}', '2026-11-01 12:00Z') RETURNING 1",
    ):
        await world.rows(tenant_id, statement.replace("12:00Z", "12\\:00Z"))


async def _shown(ingestor: ServiceClient) -> list[str]:
    return [line for line in (await _text(ingestor)).splitlines() if "myshopify" in line]


async def _text(ingestor: ServiceClient) -> str:
    out = StringIO()
    await show_schedule(ingestor, Console(file=out, width=160))
    return out.getvalue()


async def test_every_shop_is_listed_with_its_last_pull_and_its_next(
    world: World, ingestor: ServiceClient
):
    for domain in ("one.myshopify.com", "two.myshopify.com"):
        await _shop(world, domain)
    lines = await _shown(ingestor)
    assert {line.split()[1] for line in lines} == {"one.myshopify.com", "two.myshopify.com"}
    assert all("succeeded" in line and "1234" in line and "2026-11-01" in line for line in lines)


async def test_the_list_says_what_the_last_pull_proved(world: World, ingestor: ServiceClient):
    await _shop(world, "one.myshopify.com")
    assert "equal" not in await _text(ingestor)
    tenants = (await ingestor.ask("GET", "/internal/schedule"))["tenants"]
    checkpoint = json.dumps({"repaired": 2, "mismatch": True}).replace(":", "\\:")
    await world.rows(
        UUID(tenants[0]["tenantId"]),
        "INSERT INTO store.pull_entities (tenant_id, pull_id, entity, state, checkpoint)"
        " SELECT tenant_id, id, entity, 'done', checkpoint FROM store.pulls,"
        f" (VALUES ('orders', '{checkpoint}'\\:\\:jsonb), ('products', '{{\"repaired\"\\: 0}}'))"
        " AS compared(entity, checkpoint) RETURNING 1",
    )

    assert "1 of 2 equal, 2 repaired" in await _text(ingestor)


async def test_the_list_says_what_of_a_pull_failed(world: World, ingestor: ServiceClient):
    await _shop(world, "one.myshopify.com")
    tenants = (await ingestor.ask("GET", "/internal/schedule"))["tenants"]
    errors = json.dumps(
        [
            {"entity": "draft_orders", "code": "SHOPIFY_EXPORT_FAILED", "message": "No file."},
            {"entity": None, "code": "SHOPIFY_REQUEST_REFUSED", "message": "No subscription."},
        ]
    ).replace(":", "\\:")
    await world.rows(
        UUID(tenants[0]["tenantId"]),
        f"UPDATE store.pulls SET state = 'failed', errors = '{errors}' RETURNING 1",
    )

    text = await _text(ingestor)

    assert "draft_orders: SHOPIFY_EXPORT_FAILED" in text
    assert "all: SHOPIFY_REQUEST_REFUSED" in text


async def test_another_version_of_the_api_than_ours_stands_below_the_list(
    world: World, ingestor: ServiceClient
):
    await _shop(world, "one.myshopify.com")
    assert "2027-01" not in await _text(ingestor)
    tenants = (await ingestor.ask("GET", "/internal/schedule"))["tenants"]
    [tenant_id] = [UUID(line["tenantId"]) for line in tenants]
    await world.rows(tenant_id, "UPDATE store.shops SET served_version = '2027-01' RETURNING 1")

    assert [line["unknownFields"] for line in tenants] == [[]]
    assert [line["unreadableFields"] for line in tenants] == [[]]
    text = await _text(ingestor)

    assert "2027-01 is served in place of 2026-10 to one.myshopify.com" in text
    assert "install a release" in text


async def test_one_shop_or_all_are_paused_and_resumed(world: World, ingestor: ServiceClient):
    for domain in ("one.myshopify.com", "two.myshopify.com"):
        await _shop(world, domain)
    assert await set_paused(ingestor, "two.myshopify.com", paused=True) == 1
    assert ["paused" in line for line in sorted(await _shown(ingestor))] == [False, True]
    assert await set_paused(ingestor, None, paused=True) == 2
    assert all("paused" in line for line in await _shown(ingestor))
    assert await set_paused(ingestor, None, paused=False) == 2
    assert not any("paused" in line for line in await _shown(ingestor))


async def test_a_pull_is_asked_for_by_the_shops_name(world: World, ingestor: ServiceClient):
    await _shop(world, "one.myshopify.com")
    with pytest.raises(InvalidRangeError):
        await run_pull(ingestor, "one.myshopify.com", "2026-11-02", "2026-11-01")
    assert await run_pull(ingestor, "One.myshopify.com", "2026-11-01", None)
    with pytest.raises(OperationError, match=r"no shop three\.myshopify\.com"):
        await run_pull(ingestor, "three.myshopify.com", None, None)


async def _held(world: World, publisher: Publisher, *customers: int) -> UUID:
    """A tenant with redactions that Shopify did not confirm."""
    await _shop(world, "one.myshopify.com")
    [row] = await world.rows(await world.add_tenant(), "SELECT tenant_id FROM store.schedule")
    tenant_id: UUID = row["tenant_id"]
    await world.apply(*(seen(tenant_id, customer(number)) for number in customers))
    for number in customers:
        await handle_all(world.engine, [_redaction(tenant_id, number)], publisher)
    for statement in (
        "UPDATE store.deletion_checks SET held_at = now(), asked = 4 RETURNING 1",
        f"UPDATE store.deletion_turns SET held = {len(customers)} RETURNING 1",
    ):
        await world.rows(tenant_id, statement)
    return tenant_id


def _redaction(tenant_id: UUID, number: int) -> DeliveryRecord:
    body = {"shop_id": 1, "shop_domain": SHOP, "customer": {"id": number}}
    return new_delivery(tenant_id, "customers/redact", body, id=f"asked-{number}")


async def _redactions(ingestor: ServiceClient) -> list[str]:
    out = StringIO()
    await show_redactions(ingestor, Console(file=out, width=160))
    return [line.split()[3] for line in out.getvalue().splitlines() if "one.myshopify" in line]


async def test_a_held_redaction_is_listed_and_done_or_refused(
    world: World, ingestor: ServiceClient, publisher: Publisher
):
    tenant_id = await _held(world, publisher, 7, 8, 9)
    assert await _redactions(ingestor) == ["7", "8", "9"]

    await decide_redaction(ingestor, "one.myshopify.com", 7, "forget")
    await decide_redaction(ingestor, "one.myshopify.com", 8, "refuse")
    await answer_all(world.engine)

    assert await _redactions(ingestor) == ["9"]
    people = "SELECT id, first_name FROM store.customers ORDER BY id"
    names = {row["id"]: row["first_name"] for row in await world.rows(tenant_id, people)}
    assert names == {7: None, 8: "Ada", 9: "Ada"}
    receipts = await world.rows(tenant_id, "SELECT customer_id, counts FROM store.privacy_requests")
    assert {row["customer_id"]: row["counts"] for row in receipts} == {
        7: {"customers": 1, "deadLetters": 0, "files": 0},
        8: {"refused": 1},
    }
    with pytest.raises(NotFoundError):
        await decide_redaction(ingestor, "one.myshopify.com", 8, "forget")
    await handle_all(world.engine, [_redaction(tenant_id, 8)], publisher)
    assert await _redactions(ingestor) == ["9"]


@pytest.mark.parametrize("caller", ["gateway", "oauth", "analytics"])
async def test_nobody_else_sees_or_changes_what_is_the_operators(
    url: str, keys: CallerKeys, caller: str
):
    client = ServiceClient("ingestor", url, keys.signer(caller))
    with pytest.raises(CallerRefusedError):
        await show_schedule(client, Console(file=StringIO()))
    with pytest.raises(CallerRefusedError):
        await set_paused(client, None, paused=True)
    with pytest.raises(CallerRefusedError):
        await show_redactions(client, Console(file=StringIO()))
    with pytest.raises(CallerRefusedError):
        await client.ask("POST", f"/internal/redactions/{new_id()}/7", json={"decision": "forget"})
    await client.close()
