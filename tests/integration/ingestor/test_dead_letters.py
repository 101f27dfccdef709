"""An operator lists dead letters of all tenants by what they have in common, and looks at one."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from libs.common.errors import (
    CallerRefusedError,
    InvalidInputError,
)
from libs.common.messaging.dead_letters import DeadLetter
from libs.common.messaging.fates import Kind
from libs.common.messaging.topology import Lane
from libs.common.web.client import ServiceClient
from libs.ops.dead_letters import (
    Selection,
    show_letter,
    show_letters,
)
from tests.caller_keys import CallerKeys
from tests.factories import new_delivery
from tests.integration.ingestor.letters import letter_ids, letter_of, order, reasons, set_aside
from tests.integration.ingestor.world import World


async def test_letters_of_all_tenants_are_listed_with_their_figures(
    world: World, ingestor: ServiceClient
):
    known, nobody = await world.add_tenant(), uuid4()
    await set_aside(
        world, letter_of(order(known), "first"), letter_of(order(nobody), "of_a_stranger")
    )
    unread = DeadLetter(Lane.STORE.value, Kind.MESSAGE, "cut_short", 1, b"\x01\x00")
    await set_aside(world, unread)

    out = StringIO()
    await show_letters(ingestor, Selection(), Console(file=out, width=300), as_json=False)

    shown = out.getvalue()
    assert all(reason in shown for reason in ("first", "of_a_stranger", "cut_short"))
    assert f"{known}.myshopify.com" in shown
    assert "3 dead letters, the oldest" in shown


async def test_the_list_as_json_says_how_many_and_since_when(
    world: World, ingestor: ServiceClient, capsys: pytest.CaptureFixture[str]
):
    tenant_id = await world.add_tenant()
    await set_aside(world, *(letter_of(order(tenant_id, number)) for number in range(3)))
    await set_aside(world, letter_of(new_delivery(tenant_id, "customers/redact")))

    await show_letters(ingestor, Selection(limit=2), Console(), as_json=True)

    told = json.loads(capsys.readouterr().out)
    assert (told["total"], len(told["deadLetters"]), told["privacyRequests"]) == (4, 2, 1)
    assert told["oldestAt"] == told["deadLetters"][0]["createdAt"]


async def test_each_filter_chooses_and_all_that_are_given_must_match(
    world: World, ingestor: ServiceClient
):
    mine, other = await world.add_tenant(), await world.add_tenant()
    await set_aside(
        world,
        letter_of(order(mine), "mine"),
        letter_of(order(other), "other"),
        letter_of(order(mine, topic="orders/updated"), "updated"),
        letter_of(order(mine, 2), "tenancy", consumer=Lane.TENANCY.value),
        DeadLetter(Lane.STORE.value, Kind.MESSAGE, "unread", 1, b"\x07"),
    )
    day = timedelta(days=1)
    age = "UPDATE store.dead_letters SET created_at = now() - interval '2 days'"
    await world.rows(mine, f"{age} WHERE reason = 'updated' RETURNING 1")
    now = datetime.now(UTC)

    assert await reasons(ingestor, tenant=str(mine)) == {"mine", "updated", "tenancy"}
    assert await reasons(ingestor, tenant="none") == {"unread"}
    assert await reasons(ingestor, consumer="deliveries.tenancy") == {"tenancy"}
    assert await reasons(ingestor, kind="message") == {"unread"}
    assert await reasons(ingestor, reason="other") == {"other"}
    assert await reasons(ingestor, topic="orders/updated") == {"updated"}
    assert await reasons(ingestor, until=now - day) == {"updated"}
    assert "updated" not in await reasons(ingestor, since=now - day)
    assert await reasons(ingestor, tenant=str(other), topic="orders/updated") == set()
    assert await reasons(ingestor, limit=1) == {"updated"}


async def test_one_is_shown_by_the_names_of_its_fields_and_no_value(
    world: World, ingestor: ServiceClient, capsys: pytest.CaptureFixture[str]
):
    body = {
        "customer": {"id": 7, "email": "ada@example.com", "tags": []},
        "line_items": [{"title": "Lovelace's cup"}, {"title": None}],
        "by_person": {"ada@example.com": 1},
    }
    record = new_delivery(await world.add_tenant(), "orders/create", body)
    await set_aside(world, letter_of(record))
    [letter_id] = await letter_ids(ingestor)

    await show_letter(ingestor, UUID(letter_id), as_json=False)

    shown = capsys.readouterr().out
    for line in (
        "customer.id: number",
        "customer.email: text",
        "customer.tags: list",
        "line_items[].title: text",
        "line_items[].title: null",
        "by_person.(masked): number",
        f"deliveryId: {record.id}",
    ):
        assert line in shown
    assert "ada@" not in shown
    assert "Lovelace" not in shown


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 5_000, b'"ada@example.com"'])
async def test_what_cannot_be_read_is_shown_without_fields_or_values(
    world: World, ingestor: ServiceClient, capsys: pytest.CaptureFixture[str], body: bytes
):
    await set_aside(world, letter_of(new_delivery(await world.add_tenant(), body=body)))
    [letter_id] = await letter_ids(ingestor)
    await show_letter(ingestor, UUID(letter_id), as_json=True)
    shown = capsys.readouterr().out
    assert "ada@" not in shown
    assert len(json.loads(shown)["fields"]) <= 1


async def test_a_filter_that_is_none_is_refused(ingestor: ServiceClient):
    with pytest.raises(InvalidInputError):
        await ingestor.ask("GET", "/internal/dead-letters?colour=red")
    with pytest.raises(InvalidInputError):
        await ingestor.ask("GET", "/internal/dead-letters?kind=parcel")


@pytest.mark.parametrize("caller", ["gateway", "oauth", "analytics"])
async def test_nobody_but_the_operator_may_ask(url: str, keys: CallerKeys, caller: str):
    client = ServiceClient("ingestor", url, keys.signer(caller))
    letter = f"/internal/dead-letters/{uuid4()}"
    for method, path, body in (
        ("GET", "/internal/dead-letters", None),
        ("GET", letter, None),
        ("POST", f"{letter}/retry", {"by": "me"}),
        ("POST", f"{letter}/discard", {"by": "me"}),
    ):
        with pytest.raises(CallerRefusedError):
            await client.ask(method, path, json=body)
    await client.close()


async def test_what_a_letter_says_of_itself_does_not_command_the_terminal(
    world: World, ingestor: ServiceClient, capsys: pytest.CaptureFixture[str]
):
    hostile = DeadLetter("[/x]\x1b[2J", Kind.EVENT, "\x1b]0;[bold]", 1, b"{}", topic="[/]\x07")
    await set_aside(world, hostile)
    out = StringIO()

    await show_letters(ingestor, Selection(), Console(file=out, width=200), as_json=False)
    [letter_id] = await letter_ids(ingestor)
    await show_letter(ingestor, UUID(letter_id), as_json=False)

    for shown in (out.getvalue(), capsys.readouterr().out):
        assert "[/x]?[2J" in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown
