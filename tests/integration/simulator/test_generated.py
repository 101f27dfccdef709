"""The generated shop: the same from the same seed, in every way of asking, also after changes."""

import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.simulator.driver import (
    GENERATED,
    GENERATED_SIZE,
    KEY,
    ROOT,
    SECRET,
    Process,
    Receiver,
    Simulator,
    refused_arguments,
)

NODE = """id name createdAt processedAt updatedAt cancelledAt test displayFinancialStatus
  currencyCode presentmentCurrencyCode customer { id }
  totalPriceSet { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
  currentTotalPriceSet { shopMoney { amount } } totalDiscountsSet { shopMoney { amount } }
  totalTaxSet { shopMoney { amount } presentmentMoney { currencyCode } }
  refunds { id createdAt totalRefundedSet { shopMoney { amount } } }"""
BULK = f"{{ orders {{ edges {{ node {{ {NODE} }} }} }} }}"
PAGE = f"""query ($after: String, $sort: OrderSortKeys, $search: String, $reverse: Boolean) {{
  orders(first: 90, after: $after, sortKey: $sort, query: $search, reverse: $reverse) {{
    nodes {{ {NODE} }} pageInfo {{ hasNextPage endCursor }} }} }}"""


def _process(folder: Path, seed: int = 7, size: int = GENERATED_SIZE) -> Process:
    return Process(folder, ["--generated", str(seed), "--size", str(size)])


async def _pages(shop: Simulator, **variables: Any) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = (await shop.graphql(PAGE, after=after, **variables))["orders"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _by_id(orders: list[Any]) -> dict[str, Any]:
    found = {order["id"]: order for order in orders}
    assert len(found) == len(orders)
    return found


async def _whole_file(folder: Path, seed: int) -> bytes:
    process = _process(folder, seed).start()
    async with Simulator(process.base, GENERATED) as shop:
        await shop.install()
        operation = await shop.run_bulk(BULK)
        content = (await shop.http.get(operation["url"])).content
    assert process.stop() == 0
    return content


async def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_shop(tmp_path: Path):
    first = await _whole_file(tmp_path / "a", 5)

    assert len(first.splitlines()) == GENERATED_SIZE
    assert await _whole_file(tmp_path / "b", 5) == first
    assert await _whole_file(tmp_path / "c", 6) != first


async def test_pages_and_bulk_give_the_same_orders(bluebird: Simulator):
    assert _by_id(await _pages(bluebird, sort="CREATED_AT")) == _by_id(await bluebird.rows(BULK))


@pytest.mark.parametrize(
    ("sort", "read"),
    [
        ("CREATED_AT", lambda order: order["createdAt"]),
        ("PROCESSED_AT", lambda order: order["processedAt"]),
        ("UPDATED_AT", lambda order: order["updatedAt"]),
        ("ORDER_NUMBER", lambda order: int(order["name"].removeprefix("#"))),
        ("TOTAL_PRICE", lambda order: Decimal(order["totalPriceSet"]["shopMoney"]["amount"])),
        ("ID", lambda order: int(order["id"].rpartition("/")[2])),
    ],
)
async def test_every_sort_gives_every_order_once_also_after_changes(
    bluebird: Simulator, sort: str, read: Any
):
    made = await bluebird.order(processedAt="2025-07-01T10:00:00")
    old = (await bluebird.rows(BULK))[3]["id"].rpartition("/")[2]
    await bluebird.control("POST", f"/orders/{old}/change", {"processedAt": "2026-02-03T04:05:06"})
    ordered = await _pages(bluebird, sort=sort)
    reverse = await _pages(bluebird, sort=sort, reverse=True)
    await bluebird.control("DELETE", f"/orders/{made['id']}")

    values = [read(order) for order in ordered]
    assert values == sorted(values)
    assert reverse == ordered[::-1]
    assert {f"gid://shopify/Order/{number}" for number in (made["id"], old)} <= set(_by_id(ordered))


async def test_counts_and_exports_between_two_moments_are_of_the_orders_between(
    bluebird: Simulator,
):
    everything = await _pages(bluebird, sort="CREATED_AT")
    since, until = everything[100]["createdAt"], everything[250]["createdAt"]
    query = f"created_at:>='{since}' created_at:<'{until}'"
    between = [order for order in everything if since <= order["createdAt"] < until]

    assert await _pages(bluebird, sort="CREATED_AT", search=query) == between
    found = await bluebird.rows(BULK.replace("orders {", f'orders(query: "{query}") {{'))
    assert _by_id(found) == _by_id(between)
    counted = await bluebird.graphql(
        "query ($q: String) { ordersCount(query: $q) { count } }", q=query
    )
    assert counted["ordersCount"]["count"] == len(between)


async def test_the_truth_is_the_sum_of_what_is_served(bluebird: Simulator):
    orders = [order for order in await bluebird.rows(BULK) if not order["test"]]
    truth = await bluebird.control("GET", "/truth?from=2024-01-01&to=2030-01-01")

    revenue = sum(Decimal(order["totalPriceSet"]["shopMoney"]["amount"]) for order in orders)
    buyers = Counter(order["customer"]["id"] for order in orders if order["customer"])
    assert (truth["orders"], Decimal(truth["revenue"])) == (len(orders), revenue)
    assert sum(Decimal(day["revenue"]) for day in truth["days"]) == revenue
    top = truth["topCustomers"][0]
    assert buyers[f"gid://shopify/Customer/{top['id']}"] == top["orders"]
    customers = await bluebird.rows("{ customers { edges { node { id } } } }")
    assert len(customers) == truth["customers"]


async def test_the_shop_has_what_real_shops_have(bluebird: Simulator):
    orders = await bluebird.rows(BULK)
    names = await bluebird.rows("{ customers { edges { node { id displayName email } } } }")

    said = " ".join(customer["displayName"] for customer in names)
    assert all(name in said for name in ("Müller", "田中", "عربى", "Ελληνικά", "Ñandú"))
    assert any(customer["email"] is None for customer in names)
    states = Counter(order["displayFinancialStatus"] for order in orders)
    assert set(states) == {"PAID", "REFUNDED", "PARTIALLY_REFUNDED"}
    assert any(order["test"] for order in orders)
    assert any(order["cancelledAt"] for order in orders)
    assert any(order["customer"] is None for order in orders)
    assert any(order["totalDiscountsSet"]["shopMoney"]["amount"] != "0.0" for order in orders)
    assert max(Counter(json.dumps(order["customer"]) for order in orders).values()) > 5
    assert {order["currencyCode"] for order in orders} == {"EUR"}
    seen = {order["presentmentCurrencyCode"] for order in orders}
    assert seen == {"EUR", "USD", "GBP", "JPY", "CHF", "SEK"}
    for order in orders:
        presented = order["totalPriceSet"]["presentmentMoney"]["currencyCode"]
        untaxed = order["totalTaxSet"]["presentmentMoney"]["currencyCode"]
        assert presented == untaxed == order["presentmentCurrencyCode"]


async def test_a_webhook_shows_the_currency_the_buyer_saw(bluebird: Simulator, receiver: Receiver):
    orders = _by_id(await bluebird.rows(BULK))
    order = next(
        order
        for order in orders.values()
        if order["presentmentCurrencyCode"] == "JPY" and not order["refunds"]
    )
    await bluebird.subscribe("ORDERS_UPDATED", receiver.uri)
    await bluebird.control("POST", f"/orders/{order['id'].rpartition('/')[2]}/refund", {})
    [received] = await receiver.wait_for(1)

    body, total = json.loads(received.body), order["totalPriceSet"]
    assert (body["currency"], body["presentment_currency"]) == ("EUR", "JPY")
    assert body["total_price_set"]["presentment_money"] == {
        "amount": total["presentmentMoney"]["amount"].removesuffix(".0"),
        "currency_code": "JPY",
    }
    assert Decimal(body["total_price"]) == Decimal(total["shopMoney"]["amount"])


async def test_a_refunds_webhook_has_what_was_paid_back_in_the_buyers_money_alone(
    bluebird: Simulator, receiver: Receiver
):
    orders = _by_id(await bluebird.rows(BULK))
    order = next(
        order
        for order in orders.values()
        if order["presentmentCurrencyCode"] == "JPY" and not order["refunds"]
    )
    await bluebird.subscribe("REFUNDS_CREATE", receiver.uri)
    await bluebird.control("POST", f"/orders/{order['id'].rpartition('/')[2]}/refund", {})
    [received] = await receiver.wait_for(1)

    [paid] = (body := json.loads(received.body))["transactions"]
    seen = order["totalPriceSet"]["presentmentMoney"]["amount"].removesuffix(".0")
    assert (paid["kind"], paid["amount"], paid["currency"]) == ("refund", seen, "JPY")
    assert not any(name.endswith("amount_set") for name in paid)
    duties = body["total_duties_set"]
    assert duties["shop_money"]["currency_code"] == "EUR"
    assert duties["presentment_money"]["currency_code"] == "JPY"


async def test_goods_go_back_to_the_shelf_for_no_money_and_the_order_stays_paid(
    bluebird: Simulator, receiver: Receiver
):
    orders = await bluebird.rows(BULK)
    assert any(order["refunds"] and order["displayFinancialStatus"] == "PAID" for order in orders)
    order = next(order for order in orders if not order["refunds"])
    number = order["id"].rpartition("/")[2]
    [line, *_] = (await bluebird.control("GET", f"/orders/{number}"))["lines"]
    await bluebird.subscribe("REFUNDS_CREATE", receiver.uri)
    wanted = {"amount": "0.00", "lines": [{"lineId": line["id"], "quantity": 1}]}
    shown = await bluebird.control("POST", f"/orders/{number}/refund", wanted)
    [received] = await receiver.wait_for(1)

    assert (shown["financialStatus"], shown["refunded"]) == ("paid", "0.00")
    body = json.loads(received.body)
    [back] = body["refund_line_items"]
    assert (back["restock_type"], back["quantity"], body["transactions"]) == ("return", 1, [])
    assert back["location_id"] is not None


async def test_changes_of_generated_orders_survive_a_kill(tmp_path: Path):
    process = _process(tmp_path / "data").start()
    async with Simulator(process.base, GENERATED) as before:
        await before.install()
        orders = [
            order for order in await before.rows(BULK) if order["updatedAt"] == order["createdAt"]
        ]
        changed, deleted, refunded = (order["id"].rpartition("/")[2] for order in orders[:3])
        await before.control("POST", f"/orders/{changed}/change", {"test": True})
        await before.control("DELETE", f"/orders/{deleted}")
        await before.control("POST", f"/orders/{refunded}/refund", {})
        customer = next(order["customer"]["id"] for order in orders[3:] if order["customer"])
        await before.control("DELETE", f"/customers/{customer.rpartition('/')[2]}")
        made = await before.order()
        truth, file = await before.control("GET", "/truth"), _by_id(await before.rows(BULK))
    process.kill()

    process.start()
    async with Simulator(process.base, GENERATED) as after:
        after.headers = before.headers
        assert await after.control("GET", "/truth") == truth
        assert _by_id(await after.rows(BULK)) == file
        await after.control("GET", f"/orders/{deleted}", status=404)
        shown = await after.control("GET", f"/orders/{refunded}")
        assert (shown["financialStatus"], shown["refunded"]) == ("refunded", shown["total"])
        assert int((await after.order())["name"][1:]) == int(made["name"][1:]) + 1
    assert len(file) == GENERATED_SIZE
    assert process.stop() == 0


@pytest.mark.parametrize("size", ["0", "-5", "many", "1.5", "10000001"])
def test_a_size_that_is_no_number_of_orders_is_refused(
    tmp_path: Path, size: str, capsys: pytest.CaptureFixture[str]
):
    said = refused_arguments(
        "--data-dir", str(tmp_path), "--generated", f"--size={size}", capsys=capsys
    )

    assert "--size" in said


def test_a_size_without_a_generated_shop_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    said = refused_arguments("--data-dir", str(tmp_path), "--size", "5", capsys=capsys)

    assert "--size is for --generated" in said


def test_a_data_folder_keeps_to_the_shop_it_began_with(tmp_path: Path):
    process = _process(tmp_path, size=5).start()
    assert process.stop() == 0

    ended = subprocess.run(
        [
            *(sys.executable, "-m", "libs.simulator", "--data-dir", str(tmp_path)),
            *("--api-key", KEY, "--api-secret", SECRET, "--generated", "7", "--size", "6"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "size 5" in ended.stderr
    assert "another folder" in ended.stderr
