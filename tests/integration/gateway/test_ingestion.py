"""A merchant sees the pulls and their proof, asks for a pull, and sets how often is read."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from libs.common.ids import new_id
from tests.integration.analytics.shop_facts import Customer, Order, Shop
from tests.integration.gateway.platform import Platform, code_of

PULLS = "/api/ingestion/pulls"
CURRENT = "/api/tenants/current"


@pytest.fixture
async def shop(platform: Platform) -> Shop:
    """Pulled once, with an order that is a test."""
    shop = await platform.new_shop()
    shop.customers = [Customer(1, "Ada", None, "ada@example.com")]
    shop.orders = [Order(1, date(2026, 5, 5), Decimal(10), customer_id=1)]
    await shop.write()
    pull_id = new_id()
    async with shop.connection() as connection:
        await connection.execute(
            "INSERT INTO store.pulls (tenant_id, id, kind, state, requested_at, finished_at)"
            " VALUES ($1, $2, 'backfill', 'succeeded', now(), now())",
            shop.tenant_id,
            pull_id,
        )
        await connection.execute(
            "INSERT INTO store.reconciliations (tenant_id, entity, day, ours, shopify, drift,"
            " repaired, pull_id, checked_at) VALUES ($1, 'orders', '2026-05-05', 8, 8, -2, 2, $2,"
            " '2026-05-05T03:00Z'), ($1, 'orders', '2026-05-04', 5, 9, -4, 0, $2, now())",
            shop.tenant_id,
            pull_id,
        )
    await platform.execute(
        "INSERT INTO store.schedule (tenant_id, pull_id) VALUES ($1, $2)", shop.tenant_id, pull_id
    )
    return shop


@pytest.fixture
async def ada(platform: Platform, shop: Shop) -> httpx.AsyncClient:
    return await platform.new_owner(shop, "ada")


async def _answer(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return response.json()


async def test_the_status_tells_the_last_pull_the_settings_and_the_proof(ada: httpx.AsyncClient):
    status = await _answer(await ada.get("/api/ingestion/status"))
    assert status["lastPull"]["kind"] == status["pull"]["kind"] == "backfill"
    assert status["settings"] == {
        "pullIntervalMinutes": 15,
        "includeTestOrders": False,
        "paused": False,
    }
    [orders] = status["proof"]["entities"]
    counts = [orders[name] for name in ("ours", "shopify", "drift", "repaired")]
    assert counts == [8, 8, -2, 2]
    assert status["proof"]["checkedAt"] == "2026-05-05T03:00:00Z"


async def test_a_pull_says_what_of_it_went_wrong(ada: httpx.AsyncClient, shop: Shop):
    errors = [
        {"entity": "orders", "code": "SHOPIFY_EXPORT_FAILED", "message": "No file."},
        {"entity": None, "code": "SHOPIFY_REQUEST_REFUSED", "message": "No subscription."},
    ]
    async with shop.connection() as connection:
        await connection.execute("UPDATE store.pulls SET errors = $1", json.dumps(errors))
    status = await _answer(await ada.get("/api/ingestion/status"))
    [pull] = (await _answer(await ada.get(PULLS)))["pulls"]
    current = await _answer(await ada.get(CURRENT))
    for told in (status["pull"], status["lastPull"], pull, current["pull"]):
        assert told["errors"] == errors


async def test_each_pull_says_what_it_proved(ada: httpx.AsyncClient, shop: Shop):
    async with shop.connection() as connection:
        await connection.execute(
            "INSERT INTO store.pulls (tenant_id, id, kind, state, requested_at)"
            " SELECT tenant_id, gen_random_uuid(), kind, 'failed', '2026-01-01' FROM store.pulls"
        )
        await connection.execute(
            "INSERT INTO store.pull_entities (tenant_id, pull_id, entity, state, checkpoint)"
            " SELECT tenant_id, id, entity, 'done', checkpoint FROM store.pulls, (VALUES"
            " ('customers', '{\"repaired\": 0}'::jsonb), ('locations', '{\"mismatch\": true}'),"
            " ('products', '{\"repaired\": 1, \"drift\": -1}'),"
            ' (\'orders\', \'{"repaired": 2, "drift": 5, "mismatch": true}\'))'
            " AS compared(entity, checkpoint) WHERE state = 'succeeded'"
        )
    status = await _answer(await ada.get("/api/ingestion/status"))
    newest, older = (await _answer(await ada.get(PULLS)))["pulls"]
    assert newest["proof"] == {"compared": 3, "differing": 1, "repaired": 3}
    assert older["proof"] is None
    assert status["lastPull"] == newest


async def test_a_pull_of_a_range_is_queued_and_one_at_a_time(ada: httpx.AsyncClient):
    wanted = {"from": "2026-05-01", "to": "2026-05-31"}
    queued = await ada.post(PULLS, json=wanted)
    assert queued.status_code == 202
    again = await ada.post(PULLS, json={})
    assert code_of(again) == (409, "PULL_RUNNING")
    newest, first = (await _answer(await ada.get(PULLS)))["pulls"]
    assert newest["id"] == queued.json()["id"]
    assert (newest["kind"], newest["scope"], newest["state"]) == (
        "reconciliation",
        "range",
        "queued",
    )
    assert first["kind"] == "backfill"
    assert len((await _answer(await ada.get(f"{PULLS}?limit=1")))["pulls"]) == 1


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"from": "2026-05-02", "to": "2026-05-01"}, "VALIDATION_INVALID_RANGE"),
        ({"from": "yesterday"}, "VALIDATION_FAILED"),
        ({"since": "2026-05-01"}, "VALIDATION_FAILED"),
        ({"to": "9999-12-31"}, "VALIDATION_FAILED"),
    ],
)
async def test_a_range_that_is_none_is_refused(ada: httpx.AsyncClient, wanted: Any, code: str):
    refused = await ada.post(PULLS, json=wanted)
    assert code_of(refused) == (400, code)


async def test_settings_change_one_by_one(ada: httpx.AsyncClient):
    for change in ({"pullIntervalMinutes": 60}, {"paused": True}, {"includeTestOrders": True}):
        tenant = await _answer(await ada.patch(CURRENT, json=change))
        assert change.items() <= tenant["settings"].items()
    assert (await _answer(await ada.get(CURRENT)))["settings"] == {
        "pullIntervalMinutes": 60,
        "includeTestOrders": True,
        "paused": True,
    }


@pytest.mark.parametrize(
    "change", [{"pullIntervalMinutes": 4}, {"pullIntervalMinutes": 1441}, {"pace": 1}]
)
async def test_a_setting_out_of_bounds_is_refused(ada: httpx.AsyncClient, change: Any):
    refused = await ada.patch(CURRENT, json=change)
    assert code_of(refused) == (400, "VALIDATION_FAILED")


async def test_a_shop_that_was_never_connected_has_nothing_to_pull(platform: Platform):
    eve = await platform.new_owner(await platform.new_shop(), "eve")
    refused = await eve.post(PULLS, json={})
    assert code_of(refused) == (404, "TENANT_NOT_FOUND")


async def test_who_does_not_own_the_shop_looks_but_does_not_touch(
    platform: Platform, shop: Shop, ada: httpx.AsyncClient
):
    await platform.execute(
        "UPDATE identity.memberships SET role = 'viewer' WHERE tenant_id = $1", shop.tenant_id
    )
    assert (await ada.get(PULLS)).status_code == 200
    for refused in (await ada.post(PULLS, json={}), await ada.patch(CURRENT, json={})):
        assert code_of(refused) == (403, "OWNER_REQUIRED")
