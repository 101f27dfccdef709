"""The webhooks of privacy law reach the app's one address, signed, retried and without any
subscription."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.factories import webhook_signature
from tests.integration.simulator.conftest import small_shop
from tests.integration.simulator.driver import (
    SECRET,
    Process,
    Receiver,
    Simulator,
    until,
)

SHOP, OTHER = "private.myshopify.com", "other.myshopify.com"
_SOON = "0.000005"
"""48 h become 0.9 s."""
_LATER = "0.00003"
"""48 h become 5 s: longer than two installs take."""
_NEVER = "1"


@asynccontextmanager
async def _running(folder: Path, receiver: Receiver, scale: str) -> AsyncIterator[list[Simulator]]:
    """Both shops, on what a run before it left in the folder."""
    arguments = [*small_shop(folder, SHOP), *small_shop(folder, OTHER)]
    flags = ["--compliance-uri", receiver.uri, "--scale", scale]
    process = Process(folder / "data", [*arguments, *flags]).start()
    try:
        async with Simulator(process.base, SHOP) as shop, Simulator(process.base, OTHER) as other:
            yield [shop, other]
    finally:
        process.kill()


async def _deliveries(shop: Simulator) -> list[dict[str, Any]]:
    return list((await shop.control("GET", "/deliveries?bodies=1"))["deliveries"])


async def _customer_with_two_orders(shop: Simulator) -> tuple[int, list[int]]:
    person = {"firstName": "Ada", "email": "ada@example.com"}
    first = await shop.order(customer=person)
    second = await shop.order(customerId=first["customerId"])
    await shop.order(customer={"firstName": "Bob"})
    return int(first["customerId"]), [int(first["id"]), int(second["id"])]


async def test_both_customer_topics_carry_exactly_shopifys_body(tmp_path: Path, receiver: Receiver):
    async with _running(tmp_path, receiver, _NEVER) as [shop, _]:
        customer, orders = await _customer_with_two_orders(shop)
        await shop.control("POST", f"/customers/{customer}/data_request", status=204)
        [asked] = await receiver.wait_for(1)
        await shop.control("POST", f"/customers/{customer}/redact", status=204)
        [_, erased] = await receiver.wait_for(2)

    body, redaction = json.loads(asked.body), json.loads(erased.body)
    number = body.pop("data_request")
    assert set(number) == {"id"}
    assert isinstance(number["id"], int)
    person = {"id": customer, "email": "ada@example.com", "phone": None}
    whose = {"shop_id": body["shop_id"], "shop_domain": SHOP, "customer": person}
    assert isinstance(body["shop_id"], int)
    assert body == {**whose, "orders_requested": orders}
    assert redaction == {**whose, "orders_to_redact": orders}
    assert (asked.topic, erased.topic) == ("customers/data_request", "customers/redact")
    for sent in (asked, erased):
        assert sent.headers["x-shopify-hmac-sha256"] == webhook_signature(sent.body, SECRET)
        assert sent.headers["x-shopify-api-version"] == "2026-10"


async def test_a_compliance_delivery_is_logged_without_subscription_and_fails_cleanly(
    tmp_path: Path, receiver: Receiver
):
    receiver.status = 503
    async with _running(tmp_path, receiver, _SOON) as [shop, _]:
        await shop.install()
        await shop.subscribe("ORDERS_DELETE", receiver.uri)
        customer, _ = await _customer_with_two_orders(shop)
        await shop.control("POST", f"/customers/{customer}/redact")
        [logged] = await until(
            lambda: _deliveries(shop), lambda found: [one["state"] for one in found] == ["failed"]
        )
        kept = (await shop.control("GET", "/subscriptions"))["subscriptions"]

    assert (logged["topic"], logged["subscriptionId"]) == ("customers/redact", None)
    assert (logged["uri"], logged["attempts"]) == (receiver.uri, 9)
    assert [one["topic"] for one in kept] == ["ORDERS_DELETE"]


async def test_shop_redact_follows_an_uninstall_but_not_where_the_app_came_back(
    tmp_path: Path, receiver: Receiver
):
    async with _running(tmp_path, receiver, _NEVER) as [shop, other]:
        for one in (shop, other):
            await one.install()
            await one.control("POST", "/uninstall")
        await shop.install()
    async with _running(tmp_path, receiver, _SOON) as [shop, other]:
        # The other shop's is due after this one's would have been.
        [delivery] = await receiver.wait_for(1)
        assert await _deliveries(shop) == []

    body = json.loads(delivery.body)
    assert delivery.topic == "shop/redact"
    assert body == {"shop_id": body["shop_id"], "shop_domain": OTHER}
    assert isinstance(body["shop_id"], int)


async def test_a_second_uninstall_starts_the_wait_anew_and_is_redacted_once(
    tmp_path: Path, receiver: Receiver
):
    async with _running(tmp_path, receiver, _LATER) as [shop, other]:
        for one in (shop, shop, other):
            await one.install()
            await one.control("POST", "/uninstall")
        received = await receiver.wait_for(2)

    assert {json.loads(one.body)["shop_domain"] for one in received} == {SHOP, OTHER}


async def test_shop_redact_waits_its_time_over_a_restart_and_is_sent_once(
    tmp_path: Path, receiver: Receiver
):
    async with _running(tmp_path, receiver, _NEVER) as [shop, _]:
        await shop.install()
        await shop.control("POST", "/uninstall")
        assert await _deliveries(shop) == []
    async with _running(tmp_path, receiver, _SOON) as [shop, _]:
        await until(
            lambda: _deliveries(shop),
            lambda found: [one["state"] for one in found] == ["delivered"],
        )
    async with _running(tmp_path, receiver, _SOON) as [shop, other]:
        await other.install()
        await other.control("POST", "/uninstall")
        [first, second] = await receiver.wait_for(2)

    domains = [one.headers["x-shopify-shop-domain"] for one in (first, second)]
    assert domains == [SHOP, OTHER]


async def test_a_shop_without_the_app_has_nothing_to_redact(tmp_path: Path, receiver: Receiver):
    async with _running(tmp_path, receiver, _SOON) as [shop, other]:
        await shop.control("POST", "/uninstall")
        await other.install()
        await other.control("POST", "/uninstall")
        await receiver.wait_for(1)
        assert await _deliveries(shop) == []


@pytest.mark.parametrize("action", ["data_request", "redact"])
async def test_without_an_address_or_a_customer_the_control_api_says_so(
    simulator: Simulator, action: str
):
    order = await simulator.order(customer={"firstName": "Ada"})

    refused = await simulator.control(
        "POST", f"/customers/{order['customerId']}/{action}", status=400
    )
    await simulator.control("POST", f"/customers/1/{action}", status=404)

    assert "--compliance-uri" in refused["error"]
    assert (await simulator.control("GET", "/deliveries"))["deliveries"] == []
