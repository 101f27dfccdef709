"""A person is forgotten once Shopify has forgotten the person: never because of a forgery, and
never not at all.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from libs.common.errors import MessageMalformedError, ReconnectRequiredError
from services.ingestor.shopify.tokens import AccessToken
from tests.factories import SHOP as HEADER
from tests.integration.messaging.queues import until
from tests.integration.pulls.pulled_shop import PulledShop
from tests.integration.pulls.test_further_entities import SHOP

_PERSON = "SELECT email, first_name, last_name, redacted_at FROM store.customers WHERE id = {}"
_NAMED = """SELECT id FROM store.customers WHERE email IS NOT NULL ORDER BY id LIMIT 1"""


async def _person(pulled: PulledShop, number: int) -> dict[str, Any]:
    [row] = await pulled.tenant.rows(_PERSON.format(number))
    return row


async def _named(pulled: PulledShop) -> int:
    [row] = await pulled.tenant.rows(_NAMED)
    return int(row["id"])


async def _ask(pulled: PulledShop, number: int, **other: Any) -> None:
    [shop] = await pulled.tenant.rows("SELECT shopify_id FROM store.shops")
    body = {
        **{"shop_id": shop["shopify_id"], "shop_domain": HEADER},
        "customer": {"id": number, "email": "ada@example.com"},
        "orders_to_redact": [5],
    }
    await pulled.deliver(("customers/redact", body | other))


async def _is_forgotten(pulled: PulledShop, number: int) -> bool:
    person = await _person(pulled, number)
    receipts = await pulled.tenant.rows("SELECT counts FROM store.privacy_requests")
    return person["redacted_at"] is not None and [
        receipt["counts"]["customers"] for receipt in receipts
    ] == [1]


async def test_a_person_whom_shopify_shows_without_a_name_is_forgotten_at_once(
    pulled: PulledShop,
) -> None:
    number = await _named(pulled)
    await pulled.control("POST", f"customers/{number}/redact")
    async with pulled.confirming():
        await _ask(pulled, number)
        await pulled.until_settled()
    assert await _is_forgotten(pulled, number)
    person = await _person(pulled, number)
    assert (person["email"], person["first_name"], person["last_name"]) == (None, None, None)
    assert await pulled.tenant.differences() == []


async def test_a_person_who_is_gone_at_shopify_is_forgotten_at_once(pulled: PulledShop) -> None:
    number = await _named(pulled)
    await pulled.control("DELETE", f"customers/{number}")
    async with pulled.confirming():
        await _ask(pulled, number)
        await pulled.until_settled()
    assert await _is_forgotten(pulled, number)


async def _until_held(pulled: PulledShop, number: int) -> dict[str, Any]:
    await _ask(pulled, number)
    for asked in range(1, 4):
        await pulled.until_asked(asked)
        await pulled.let_time_pass()
    return await pulled.until_asked(4)


async def test_a_redaction_that_shopify_does_not_confirm_is_held_for_a_person_and_told(
    pulled: PulledShop,
) -> None:
    number = await _named(pulled)
    before = await _person(pulled, number)
    with capture_logs() as logs:
        async with pulled.confirming():
            check = await _until_held(pulled, number)
            assert check["held_at"] is not None
            await pulled.let_time_pass()
            again = await pulled.until_asked(5)
    assert again["held_at"] == check["held_at"]
    assert await _person(pulled, number) == before
    turn = await pulled.turn()
    assert (turn["waiting"], turn["held"]) == (0, 1)
    events = [line for line in logs if line["event"] == "security_event"]
    assert [event["security_event"] for event in events] == ["redact_disproved"]
    assert str(number) not in str(events)
    assert "ada" not in str(events)


async def test_a_held_redaction_is_done_as_soon_as_shopify_has_forgotten_the_person(
    pulled: PulledShop,
) -> None:
    number = await _named(pulled)
    async with pulled.confirming():
        await _until_held(pulled, number)
        await pulled.control("POST", f"customers/{number}/redact")
        await pulled.let_time_pass()
        await pulled.until_settled()
    assert await _is_forgotten(pulled, number)


async def test_a_held_redaction_is_done_when_the_shop_is_disconnected(pulled: PulledShop) -> None:
    async def refuse(_tenant_id: UUID, _refused: object = None, /) -> AccessToken:
        raise ReconnectRequiredError("The merchant must connect the shop again.")

    number = await _named(pulled)
    async with pulled.confirming():
        await _until_held(pulled, number)
    gone = replace(pulled, tokens=refuse)
    async with gone.confirming():
        await gone.let_time_pass()
        await gone.until_settled()
    assert await _is_forgotten(pulled, number)


async def test_names_that_the_app_may_not_see_are_no_sign_that_shopify_forgot(
    pulled: PulledShop,
) -> None:
    number = await _named(pulled)
    await pulled.simulator.faults(SHOP, protectedFields=True)
    async with pulled.confirming():
        await _ask(pulled, number)
        await pulled.until_asked(1)
    assert (await _person(pulled, number))["redacted_at"] is None


async def test_two_requests_about_one_person_are_one_question_and_two_receipts(
    pulled: PulledShop,
) -> None:
    number = await _named(pulled)
    await _ask(pulled, number)
    await _ask(pulled, number, orders_to_redact=[6])
    assert len(await pulled.checks()) == 1
    await pulled.control("POST", f"customers/{number}/redact")
    async with pulled.confirming():
        await pulled.until_settled()

    async def answered() -> bool:
        return len(await pulled.tenant.rows("SELECT 1 FROM store.privacy_requests")) == 2

    await until(answered)


@pytest.mark.parametrize(
    "other", [{"shop_domain": "other.myshopify.com"}, {"shop_id": 1}], ids=["domain", "id"]
)
async def test_a_redaction_of_another_shop_is_refused(
    pulled: PulledShop, other: dict[str, Any]
) -> None:
    number = await _named(pulled)
    with pytest.raises(MessageMalformedError) as caught:
        await _ask(pulled, number, **other)
    assert caught.value.context["reason"] == "body_of_another_shop"
    assert await pulled.checks() == []
