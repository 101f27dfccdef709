"""The REST Admin API lists, counts and limits as Shopify's does."""

import asyncio
import base64
import re
from typing import Any

import httpx
import pytest

from tests.integration.simulator.driver import SCOPES, VERSION, Simulator, until

Answer = httpx.Response
MADE_UP = base64.b64encode(b'["orders", {"colour": "red"}, "next", "WzAsIDBd"]').decode()


async def _get(simulator: Simulator, path: str, version: str = VERSION, **params: Any) -> Answer:
    return await simulator.http.get(
        f"/{simulator.shop}/admin/api/{version}/{path}.json",
        params=params,
        headers=simulator.headers,
    )


def _links(answer: Answer) -> dict[str, str]:
    pairs = re.findall(r'<([^<]+)>; rel="([^"]+)"', answer.headers.get("link", ""))
    return {direction: address for address, direction in pairs}


async def _follow(simulator: Simulator, answer: Answer, direction: str) -> Answer:
    return await simulator.http.get(_links(answer)[direction], headers=simulator.headers)


def _names(answer: Answer) -> list[str]:
    return [order["name"] for order in answer.json()["orders"]]


async def test_pages_lead_forward_and_back_newest_first(simulator: Simulator):
    first = await _get(simulator, "orders", limit=2)
    second = await _follow(simulator, first, "next")
    back = await _follow(simulator, second, "previous")

    assert _names(first) == ["#A4", "#A3"]
    assert _names(second) == ["#A2", "#A1"]
    assert _names(back) == _names(first)
    assert (set(_links(first)), set(_links(second))) == ({"next"}, {"previous"})
    assert set(_links(back)) == {"next"}


async def test_a_middle_page_leads_both_ways_and_keeps_its_filter(simulator: Simulator):
    params = {"processed_at_min": "2024-03-01T23:30:00Z", "status": "any", "fields": "name"}
    first = await _get(simulator, "orders", limit=1, **params)
    second = await _follow(simulator, first, "next")
    third = await _follow(simulator, second, "next")

    assert [first.json(), second.json(), third.json()] == [
        {"orders": [{"name": name}]} for name in ("#A4", "#A3", "#A2")
    ]
    assert list(_links(second)) == ["previous", "next"]
    assert list(_links(third)) == ["previous"]


async def test_no_row_is_given_twice_or_left_out_when_orders_come_between_pages(
    simulator: Simulator,
):
    first = await _get(simulator, "orders", limit=3)
    await simulator.order()
    second = await _follow(simulator, first, "next")

    assert _names(first) + _names(second) == ["#A4", "#A3", "#A2", "#A1"]


async def test_since_id_goes_up_by_id(simulator: Simulator):
    numbers = sorted(row["id"] for row in (await _get(simulator, "orders")).json()["orders"])
    rest = await _get(simulator, "orders", since_id=numbers[0], limit=2)
    last = await _follow(simulator, rest, "next")

    assert [row["id"] for row in rest.json()["orders"]] == numbers[1:3]
    assert [row["id"] for row in last.json()["orders"]] == numbers[3:]


async def test_order_says_by_what_and_which_way_on_every_page(simulator: Simulator):
    *_, oldest = (await _get(simulator, "orders")).json()["orders"]
    await simulator.control("POST", f"/orders/{oldest['id']}/change", {})

    first = await _get(simulator, "orders", limit=3, order="updated_at asc")
    second = await _follow(simulator, first, "next")
    by_id = (await _get(simulator, "orders", order="id desc", fields="id")).json()["orders"]

    assert _names(first) == ["#A2", "#A3", "#A4"]
    assert _names(second) == ["#A1"]
    assert by_id == sorted(by_id, key=lambda order: -order["id"])


async def test_a_list_holds_fifty_and_at_most_250(simulator: Simulator):
    for number in range(60):
        await simulator.control("POST", "/products", {"title": f"Jar {number}"})

    usual = await _get(simulator, "products")
    most = await _get(simulator, "products", limit=1000)

    assert (len(usual.json()["products"]), len(most.json()["products"])) == (50, 62)
    assert "limit=50&" in _links(usual)["next"]
    assert _links(most) == {}


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"created_at_max": "2024-03-01T09:00:00+00:00"}, ["#A1"]),
        ({"updated_at_min": "2024-03-02T10:00:00", "updated_at_max": "2024-03-03"}, ["#A3"]),
        ({"financial_status": "refunded"}, []),
        ({"financial_status": "paid", "processed_at_min": "2024-03-04"}, ["#A4"]),
    ],
)
async def test_filters_choose_rows_and_counts_agree(
    simulator: Simulator, params: dict[str, str], names: list[str]
):
    rows = await _get(simulator, "orders", **params)
    count = await _get(simulator, "orders/count", **params)

    assert _names(rows) == names
    assert count.json() == {"count": len(names)}


async def test_orders_are_the_open_ones_when_nothing_is_said(simulator: Simulator):
    made = await simulator.order()
    await simulator.control("POST", f"/orders/{made['id']}/cancel", {})

    assert made["name"] not in _names(await _get(simulator, "orders"))
    assert _names(await _get(simulator, "orders", status="any"))[0] == made["name"]
    assert _names(await _get(simulator, "orders", status="cancelled")) == [made["name"]]
    assert (await _get(simulator, "orders/count")).json() == {"count": 4}
    assert (await _get(simulator, "orders/count", status="any")).json() == {"count": 5}


async def test_ids_choose_exactly_those(simulator: Simulator):
    numbers = [row["id"] for row in (await _get(simulator, "customers")).json()["customers"]]
    one = await _get(simulator, "customers", ids=f"{numbers[1]},7")

    assert [row["id"] for row in one.json()["customers"]] == [numbers[1]]


async def test_customers_and_products_show_what_graphql_shows(simulator: Simulator):
    asked = await simulator.graphql(
        """{ customers(first: 9) { nodes { legacyResourceId firstName numberOfOrders
          amountSpent { amount } } } products(first: 9) { nodes { legacyResourceId title } } }"""
    )
    customers = (await _get(simulator, "customers")).json()["customers"]
    products = (await _get(simulator, "products")).json()["products"]

    shown = {
        (str(row["id"]), row["first_name"], str(row["orders_count"]), float(row["total_spent"]))
        for row in customers
    }
    assert shown == {
        (
            row["legacyResourceId"],
            row["firstName"],
            row["numberOfOrders"],
            float(row["amountSpent"]["amount"]),
        )
        for row in asked["customers"]["nodes"]
    }
    assert {(str(row["id"]), row["title"]) for row in products} == {
        (row["legacyResourceId"], row["title"]) for row in asked["products"]["nodes"]
    }
    assert (await _get(simulator, "customers/count")).json() == {"count": 2}
    assert (await _get(simulator, "products/count")).json() == {"count": 2}


async def test_the_shop_shows_its_facts_and_plan(simulator: Simulator):
    await simulator.control("PATCH", "", {"plan": "plus"})
    shop = (await _get(simulator, "shop")).json()["shop"]

    assert (shop["myshopify_domain"], shop["currency"]) == (simulator.shop, "GBP")
    assert (shop["iana_timezone"], shop["plan_name"]) == ("Europe/London", "shopify_plus")


async def test_events_tell_what_was_made_and_cancelled(simulator: Simulator):
    made = await simulator.order()
    await simulator.control("POST", f"/orders/{made['id']}/cancel", {})
    orders = (await _get(simulator, "events", filter="Order", limit=2)).json()["events"]
    verbs = {(event["verb"], str(event["subject_id"])) for event in orders}
    count = await _get(simulator, "events/count", filter="Order,Product")

    assert verbs == {("placed", made["id"]), ("cancelled", made["id"])}
    assert count.json() == {"count": 5 + 1 + 2}
    since = await _get(simulator, "events", since_id=min(event["id"] for event in orders))
    assert [event["id"] for event in since.json()["events"]] == [
        max(event["id"] for event in orders)
    ]


@pytest.mark.parametrize(
    ("params", "errors"),
    [
        ({"limit": "0"}, {"limit": "must be greater than 0"}),
        ({"limit": "ten"}, {"limit": "must be an integer"}),
        ({"ids": "1,x"}, {"ids": "must be an integer"}),
        ({"created_at_min": "soon"}, {"created_at_min": "must be an ISO 8601 time"}),
        ({"page_info": "e30="}, {"page_info": "Invalid value."}),
        ({"page_info": MADE_UP}, {"page_info": "Invalid value."}),
        (
            {"order": "price asc"},
            {"order": "must be one of id, created_at, updated_at, processed_at, and asc or desc"},
        ),
        ({"colour": "red"}, {"colour": "The simulator knows no such parameter"}),
        ({"status": "lost"}, {"status": "must be one of any, cancelled, closed, open"}),
    ],
)
async def test_what_cannot_be_asked_is_a_400_that_names_it(
    simulator: Simulator, params: dict[str, str], errors: dict[str, str]
):
    answer = await _get(simulator, "orders", **params)

    assert answer.status_code == 400
    assert answer.json() == {"errors": errors}


async def test_page_info_stands_with_limit_and_fields_alone(simulator: Simulator):
    first = await _get(simulator, "orders", limit=1)
    page_info = dict(httpx.URL(_links(first)["next"]).params)["page_info"]

    two = await _get(simulator, "orders", page_info=page_info, limit=2, fields="id,name")
    refused = await _get(simulator, "orders", page_info=page_info, status="any")
    elsewhere = await _get(simulator, "customers", page_info=page_info)

    assert [set(order) for order in two.json()["orders"]] == [{"id", "name"}] * 2
    assert refused.status_code == 400
    assert "status cannot be passed when page_info" in refused.json()["errors"]["status"]
    assert elsewhere.json() == {"errors": {"page_info": "Invalid value."}}


async def test_tokens_and_scopes_are_checked_as_for_graphql(simulator: Simulator):
    await simulator.install("read_products")
    allowed = await _get(simulator, "products")
    forbidden = await _get(simulator, "orders")
    uncounted = await _get(simulator, "customers/count")
    events = (await _get(simulator, "events")).json()["events"]
    simulator.headers = {"X-Shopify-Access-Token": "shpat_wrong"}
    unknown = await _get(simulator, "products")
    answer = await simulator.token(code=await simulator.code())
    simulator.headers = {"X-Shopify-Access-Token": answer.json()["access_token"]}
    forever = await _get(simulator, "shop")

    assert allowed.status_code == 200
    assert (forbidden.status_code, uncounted.status_code) == (403, 403)
    assert "read_orders scope" in forbidden.json()["errors"]
    assert {event["subject_type"] for event in events} == {"Product"}
    assert unknown.status_code == 401
    assert "unrecognized login" in unknown.json()["errors"]
    assert forever.status_code == 403
    assert "Non-expiring" in forever.json()["errors"]


async def test_without_read_all_orders_sixty_days_are_listed(simulator: Simulator):
    await simulator.install(SCOPES.replace("read_all_orders,", ""))
    recent = await simulator.order()

    assert _names(await _get(simulator, "orders", status="any")) == [recent["name"]]
    assert (await _get(simulator, "orders/count")).json() == {"count": 1}
    assert (await _get(simulator, "events/count", filter="Order")).json() == {"count": 1}


async def test_the_answer_names_version_request_and_call_limit(simulator: Simulator):
    now = await _get(simulator, "shop")
    old = await _get(simulator, "shop", "2024-01")
    nowhere = await _get(simulator, "draft_orders")

    assert now.headers["x-shopify-api-version"] == VERSION
    assert now.headers["x-shopify-shop-api-call-limit"] == "1/40"
    assert now.headers["x-request-id"]
    assert old.headers["x-shopify-api-version"] == "2026-01"
    assert nowhere.status_code == 404


async def test_who_calls_too_often_is_told_to_wait(simulator: Simulator):
    await simulator.control("POST", "/faults", {"throttle": True})
    answers = await asyncio.gather(*(_get(simulator, "shop") for _ in range(120)))
    refused = [answer for answer in answers if answer.status_code == 429]

    assert refused
    assert refused[0].headers["retry-after"] == "2.0"
    assert refused[0].headers["x-shopify-shop-api-call-limit"] == "40/40"
    assert "Exceeded 2 calls per second" in refused[0].json()["errors"]

    async def status() -> int:
        return (await _get(simulator, "shop")).status_code

    assert await until(status, lambda found: found == 200) == 200


async def test_without_being_told_to_nobody_is_refused(simulator: Simulator):
    answers = await asyncio.gather(*(_get(simulator, "shop") for _ in range(90)))

    assert {answer.status_code for answer in answers} == {200}
