"""The gateway, and nobody else, is told how far the ingestion of its own tenant is."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.clock import utc_now
from services.ingestor.main import create_app
from services.ingestor.settings import IngestorSettings
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.http_servers import serving
from tests.integration.ingestor.facts import order, seen
from tests.integration.ingestor.world import World

KEYS = CallerKeys()


@pytest.fixture
async def base_url(world: World, database: Database) -> AsyncIterator[str]:
    settings = IngestorSettings.from_environment(
        {
            "ENVIRONMENT": "test",
            "PORT": "0",
            "DATABASE_URL": database.url_for("ingestor"),
            "AMQP_URL": "amqp://guest@127.0.0.1/",
            "OAUTH_URL": "http://127.0.0.1:1",
            "WEBHOOKS_URL": "http://127.0.0.1:1",
            "CALLER_PRIVATE_KEY": KEYS.private["ingestor"],
            "CALLER_PUBLIC_KEYS": KEYS.public_list,
        }
    )
    async with serving(create_app(settings, world.engine)) as url:
        yield url


async def _ask(base_url: str, caller: str, tenant_id: UUID | None) -> httpx.Response:
    auth = KEYS.auth(caller, "ingestor", tenant_id)
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=60) as client:
        return await client.get("/api/ingestion/status", auth=auth)


def _entity(name: str, state: str, done: int, expected: int | None) -> dict[str, Any]:
    entity = {"entity": name, "state": state, "done": done, "expected": expected}
    return {**entity, "recordsPerSecond": None}


async def test_a_tenant_without_any_facts_has_an_empty_status(world: World, base_url: str) -> None:
    tenant_id = await world.add_tenant(shop=False)
    assert (await _ask(base_url, "gateway", tenant_id)).json() == {
        "shop": None,
        "pull": None,
        "lastPull": None,
        "nextPullAt": None,
        "proof": None,
        "settings": {"pullIntervalMinutes": None, "paused": False, "includeTestOrders": False},
        "unmappedTopics": [],
        "unknownFields": [],
        "unreadableFields": [],
        "freshness": {"dataVersion": "0", "changedAt": None},
    }


async def test_the_status_tells_shop_newest_pull_and_data_version(
    world: World, base_url: str
) -> None:
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, order(1)))
    pull_id, older = uuid4(), uuid4()
    await world.rows(
        tenant_id,
        f"""INSERT INTO store.pulls
        (tenant_id, id, kind, state, requested_at, started_at, records_processed, errors) VALUES
        (:tenant, '{older}', 'backfill', 'failed', '2026-01-01', NULL, 0, '[]'),
        (:tenant, '{pull_id}', 'backfill', 'running', '2026-01-02', '2026-01-02 01:02:03.5Z', 5,
         '[{{"entity": "orders", "code": "A", "message": "Slow.",
             "since": "2026-01-01T00:00:00Z"}}]') RETURNING 1""",
    )
    await world.rows(
        tenant_id,
        f"""INSERT INTO store.pull_entities
        (tenant_id, pull_id, entity, state, done, expected, checkpoint)
        VALUES (:tenant, '{pull_id}', 'orders', 'importing', 5, 9, '{{}}'),
        (:tenant, '{pull_id}', 'locations', 'done', 2, 2, '{{"repaired"\\:3}}') RETURNING 1""",
    )

    status = (await _ask(base_url, "gateway", tenant_id)).json()

    assert status["shop"] == {
        "name": "Cups",
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "plan": None,
        "historySince": None,
    }
    assert status["pull"] == {
        "id": str(pull_id),
        "kind": "backfill",
        "scope": "all",
        "state": "running",
        "requestedAt": "2026-01-02T00:00:00Z",
        "startedAt": "2026-01-02T01:02:03.500000Z",
        "finishedAt": None,
        "recordsProcessed": 5,
        "errors": [{"entity": "orders", "code": "A", "message": "Slow."}],
        "proof": {"compared": 1, "differing": 0, "repaired": 3},
        "secondsLeft": None,
        "entities": [
            _entity("customers", "waiting", 0, None),
            _entity("orders", "importing", 5, 9),
            _entity("products", "waiting", 0, None),
        ],
        "furtherEntities": [
            {"entity": "locations", "state": "done", "done": 2, "expected": 2, "records": 0}
        ],
    }
    assert status["freshness"]["dataVersion"] == "1"
    assert status["freshness"]["changedAt"].endswith("Z")


async def test_what_came_and_is_not_read_is_told(world: World, base_url: str) -> None:
    tenant_id, other = await world.add_tenant(), await world.add_tenant()
    times = "'2026-01-01', '2026-01-02T03:04:05Z'"
    await world.rows(
        tenant_id,
        f"""INSERT INTO store.unknown_fields VALUES (:tenant, 'orders/create', 'mood', 7, {times}),
        (:tenant, 'orders/create', '*', 1, {times}) RETURNING 1""",
    )
    await world.rows(
        tenant_id,
        """INSERT INTO store.unmapped_topics VALUES (:tenant, 'carts/create', 2, '2026-01-01')
        RETURNING 1""",
    )

    await world.rows(
        tenant_id,
        f"""INSERT INTO store.unreadable_fields
        VALUES (:tenant, 'orders', 'processedAt', 3, {times}) RETURNING 1""",
    )

    status = (await _ask(base_url, "gateway", tenant_id)).json()

    seen_at = {"firstAt": "2026-01-01T00:00:00Z", "lastAt": "2026-01-02T03:04:05Z"}
    assert status["unknownFields"] == [
        {"topic": "orders/create", "field": "*", "deliveries": 1, **seen_at},
        {"topic": "orders/create", "field": "mood", "deliveries": 7, **seen_at},
    ]
    assert status["unreadableFields"] == [
        {"topic": "orders", "field": "processedAt", "records": 3, **seen_at}
    ]
    assert status["unmappedTopics"] == [
        {"topic": "carts/create", "deliveries": 2, "lastAt": "2026-01-01T00:00:00Z"}
    ]
    assert (await _ask(base_url, "gateway", other)).json()["unknownFields"] == []


async def test_a_running_import_tells_its_pace_and_the_time_that_is_left(
    world: World, base_url: str
) -> None:
    """Read from the pull's own checkpoint: no watcher has to have seen it before."""
    tenant_id, pull_id, now = await world.add_tenant(), uuid4(), utc_now()
    await world.rows(
        tenant_id,
        f"""INSERT INTO store.pulls (tenant_id, id, kind, state, requested_at, errors)
        VALUES (:tenant, '{pull_id}', 'backfill', 'running', '2026-01-02', '[]') RETURNING 1""",
    )
    marks = [[(now - timedelta(seconds=10)).isoformat(), 2_000], [now.isoformat(), 4_000]]
    checkpoint = json.dumps({"slices": [{"applied": 4_000}], "marks": marks}).replace(":", "\\:")
    await world.rows(
        tenant_id,
        f"""INSERT INTO store.pull_entities
        (tenant_id, pull_id, entity, state, done, expected, checkpoint) VALUES
        (:tenant, '{pull_id}', 'customers', 'done', 900, 900, '{{}}'),
        (:tenant, '{pull_id}', 'orders', 'importing', 4000, 23000, '{checkpoint}'),
        (:tenant, '{pull_id}', 'products', 'waiting', 0, 1000, '{{}}') RETURNING 1""",
    )

    pull = (await _ask(base_url, "gateway", tenant_id)).json()["pull"]

    customers, orders, products = (each["recordsPerSecond"] for each in pull["entities"])
    assert (customers, products) == (None, None)
    assert 0 < orders <= 200
    assert pull["secondsLeft"] == pytest.approx(20_000 / orders, abs=1)


@pytest.mark.parametrize("caller", ["oauth", "webhooks", "analytics", "ingestor"])
async def test_no_other_service_is_answered(world: World, base_url: str, caller: str) -> None:
    refused = await _ask(base_url, caller, await world.add_tenant())
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "CALLER_REFUSED")


async def test_a_call_for_no_tenant_or_without_a_token_is_refused(base_url: str) -> None:
    assert (await _ask(base_url, "gateway", None)).status_code == 401
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=60) as client:
        assert (await client.get("/api/ingestion/status")).status_code == 401
        assert (await client.get("/health/ready")).status_code == 200
