"""What can go wrong at Shopify goes wrong on demand, for exactly as long as it was asked for."""

import json
from typing import Any

import httpx
import pytest

from tests.factories import webhook_signature
from tests.integration.simulator.driver import VERSION, Receiver, Simulator, until

PAGE = "{ orders(first: 50) { nodes { id } } shop { name } }"
ORDERS = "{ orders { edges { node { id lineItems { edges { node { id } } } } } } }"
PEOPLE = """query ($search: String) { customers(first: 9, query: $search) {
  nodes { lastName defaultEmailAddress { emailAddress } numberOfOrders } } }"""
EXPORTED_PEOPLE = "{ customers { edges { node { id lastName email } } } }"
CANCEL = """mutation ($id: ID!) { bulkOperationCancel(id: $id) {
  bulkOperation { status } userErrors { message } } }"""


async def _orders(simulator: Simulator) -> httpx.Response:
    return await simulator.http.get(
        f"/{simulator.shop}/admin/api/{VERSION}/orders.json", headers=simulator.headers
    )


async def _stream_orders(simulator: Simulator, received: list[bytes]) -> None:
    path = f"/{simulator.shop}/admin/api/{VERSION}/orders.json"
    async with simulator.http.stream("GET", path, headers=simulator.headers) as answer:
        assert answer.status_code == 200
        async for chunk in answer.aiter_bytes():
            received.append(chunk)


async def _file(simulator: Simulator, operation: dict[str, Any]) -> str:
    return (await simulator.http.get(operation["url"])).text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (402, "This shop's plan does not have access to this feature"),
        (403, "Unavailable Shop"),
        (423, "This shop is unavailable"),
        (503, "Service Unavailable"),
    ],
)
async def test_a_closed_shop_answers_with_the_words_of_its_status(
    simulator: Simulator, status: int, words: str
):
    await simulator.control("POST", "/faults", {"apiStatus": status})
    graphql, rest = await simulator.ask(PAGE), await _orders(simulator)

    assert [graphql.status_code, rest.status_code] == [status, status]
    assert graphql.json() == rest.json() == {"errors": words}
    assert ("retry-after" in graphql.headers) is (status == 503)


async def test_an_internal_error_comes_with_half_of_the_data(simulator: Simulator):
    whole = (await simulator.ask(PAGE)).json()["data"]["orders"]["nodes"]
    await simulator.control("POST", "/faults", {"internalErrors": 1})
    broken, after = (await simulator.ask(PAGE)).json(), (await simulator.ask(PAGE)).json()

    assert broken["data"] == {"orders": {"nodes": whole[:2]}, "shop": None}
    assert broken["errors"][0]["extensions"] == {"code": "INTERNAL_SERVER_ERROR"}
    assert "Request ID: " in broken["errors"][0]["message"]
    assert len(after["data"]["orders"]["nodes"]) == 4
    assert "errors" not in after


async def test_queries_with_a_text_break_off_and_no_others(simulator: Simulator):
    await simulator.control("POST", "/faults", {"internalErrorIn": "ordersCount"})
    counts = [(await simulator.ask("{ ordersCount { count } }")).json() for _ in range(2)]
    assert ["errors" in count for count in counts] == [True, True]
    assert "errors" not in (await simulator.ask(PAGE)).json()


@pytest.mark.parametrize("place", ["start", "middle"])
async def test_a_connection_is_cut_within_the_answer(simulator: Simulator, place: str):
    whole = (await _orders(simulator)).content
    await simulator.control("POST", "/faults", {"cutAnswers": 2, "cutAt": place})
    received: list[bytes] = []
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        await _stream_orders(simulator, received)
    with pytest.raises(httpx.RemoteProtocolError):
        await simulator.ask(PAGE)

    assert b"".join(received) == (whole[: len(whole) // 2] if place == "middle" else b"")
    assert (await simulator.ask(PAGE)).status_code == 200


async def test_a_download_is_cut_and_the_next_one_is_whole(simulator: Simulator):
    operation = await simulator.run_bulk(ORDERS)
    await simulator.control("POST", "/faults", {"cutDownloads": 1})

    with pytest.raises(httpx.RemoteProtocolError):
        await simulator.http.get(operation["url"])
    assert len((await _file(simulator, operation)).splitlines()) == 9


async def test_a_file_ends_within_its_last_line_and_the_count_does_not_show_it(
    simulator: Simulator,
):
    await simulator.control("POST", "/faults", {"bulkCutsFile": True})
    operation = await simulator.run_bulk(ORDERS)
    *lines, last = (await _file(simulator, operation)).split("\n")

    assert operation["objectCount"] == "9"
    assert len([json.loads(line) for line in lines]) == 8
    assert last.startswith('{"id":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(last)


async def test_shuffled_lines_are_the_same_lines_in_the_order_of_the_dice(simulator: Simulator):
    plain = await _file(simulator, await simulator.run_bulk(ORDERS, grouped=True))
    files = []
    for seed in (1, 1, 2):
        await simulator.control("POST", "/faults", {"bulkShuffles": True, "seed": seed})
        files.append(await _file(simulator, await simulator.run_bulk(ORDERS, grouped=True)))

    assert {tuple(sorted(file.splitlines())) for file in files} == {
        tuple(sorted(plain.splitlines()))
    }
    assert files[0] == files[1]
    assert len({plain, *files}) == 3


@pytest.mark.parametrize(("wrong", "count"), [(3, "12"), (-2, "7")])
async def test_the_count_is_wrong_by_so_much(simulator: Simulator, wrong: int, count: str):
    await simulator.control("POST", "/faults", {"bulkMiscounts": wrong})
    operation = await simulator.run_bulk(ORDERS)

    assert operation["objectCount"] == count
    assert len((await _file(simulator, operation)).splitlines()) == 9


async def test_an_address_can_be_dead_on_arrival_and_asked_for_again(simulator: Simulator):
    await simulator.control("POST", "/faults", {"bulkUrlSeconds": 0})
    operation = await simulator.run_bulk(ORDERS)
    dead = await simulator.http.get(operation["url"])
    await simulator.control("DELETE", "/faults")
    alive = await simulator.http.get((await simulator.bulk(operation["id"]))["url"])

    assert (dead.status_code, "ExpiredToken" in dead.text) == (400, True)
    assert alive.status_code == 200


async def test_an_operation_hangs_until_it_is_cancelled(simulator: Simulator):
    await simulator.control("POST", "/faults", {"bulkHangs": True})
    number = (await simulator.start_bulk(ORDERS))["bulkOperation"]["id"]
    running = await until(
        lambda: simulator.bulk(number), lambda operation: operation["status"] == "RUNNING"
    )
    await simulator.control("DELETE", "/faults")
    other = await simulator.run_bulk(ORDERS)
    still = await simulator.bulk(number)
    cancelled = await simulator.graphql(CANCEL, id=number)
    ended = await until(
        lambda: simulator.bulk(number), lambda operation: operation["completedAt"] is not None
    )

    assert (running["completedAt"], other["status"]) == (None, "COMPLETED")
    assert still["status"] == "RUNNING"
    assert cancelled["bulkOperationCancel"]["userErrors"] == []
    assert ended["status"] == "CANCELED"


async def test_protected_fields_are_null_wherever_they_stand_and_pages_say_why(
    simulator: Simulator, receiver: Receiver
):
    await simulator.control("POST", "/faults", {"protectedFields": True})
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    person = {"firstName": "Ada", "lastName": "Byron", "email": "ada@example.com"}
    order = {"lines": [{"title": "A", "price": "1.00"}], "customer": person}
    placed = await simulator.control("POST", "/orders", order)
    paged = (await simulator.ask(PEOPLE, search=f"id:{placed['customerId']}")).json()
    exported = await _file(simulator, await simulator.run_bulk(EXPORTED_PEOPLE))
    [received] = await receiver.wait_for(1)

    assert paged["data"]["customers"]["nodes"] == [
        {"lastName": None, "defaultEmailAddress": None, "numberOfOrders": "1"}
    ]
    fields = ("lastName", "defaultEmailAddress")
    assert {tuple(error["path"]) for error in paged["errors"]} == {
        ("customers", "nodes", 0, field) for field in fields
    }
    assert {error["extensions"]["code"] for error in paged["errors"]} == {"ACCESS_DENIED"}
    people = [json.loads(line) for line in exported.splitlines()]
    assert {(each["lastName"], each["email"]) for each in people} == {(None, None)}
    body = json.loads(received.body)
    assert (body["email"], body["contact_email"]) == (None, None)
    assert {body["customer"][name] for name in ("first_name", "last_name", "email")} == {None}
    assert body["customer"]["id"] == int(placed["customerId"])


async def test_webhooks_can_be_signed_with_another_secret(simulator: Simulator, receiver: Receiver):
    await simulator.subscribe("ORDERS_CREATE", receiver.uri)
    await simulator.control("POST", "/faults", {"signWith": "the-old-secret"})
    await simulator.order()
    [received] = await receiver.wait_for(1)

    signature = webhook_signature(received.body, "the-old-secret")
    assert received.headers["x-shopify-hmac-sha256"] == signature


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"cutAt": "end"}, "end"),
        ({"cutAnswers": -1}, "cut_answers cannot be negative"),
        ({"bulkUrlSeconds": -1}, "bulk_url_seconds cannot be negative"),
        ({"internalErrors": 0.5}, "int"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused(
    simulator: Simulator, fault: dict[str, Any], words: str
):
    assert words in (await simulator.control("POST", "/faults", fault, status=400))["error"]
