# Feature: shopify-multi-tenant-dashboard, Property 34: For any rate limit error from the Shopify API, the system should log the event with the tenant identifier and timestamp.
"""Whenever Shopify says that we ask too much, the log says so: of which tenant, and when."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.messaging.publisher import Publisher
from services.ingestor.shopify.tokens import AccessToken
from services.ingestor.shopify.transport import AdminApi
from tests.http_servers import serving
from tests.properties.log_lines import LogLines
from tests.properties.pulling import ask_for_pulls, pull_until
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "libs/common/logs.py",
    'structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),',
    'structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),',
)
# A status with a header, as REST says it, or a body with a cost, as GraphQL does.
statuses = st.sampled_from([None, "2.0", "0", "0.3", "1000", "nonsense", "-5", "", "1e3"])
costs = st.fixed_dictionaries(
    {},
    optional={
        "requestedQueryCost": st.integers(0, 10**6),
        "throttleStatus": st.fixed_dictionaries(
            {
                "currentlyAvailable": st.integers(0, 2000),
                "restoreRate": st.sampled_from([0, 50.0, 1e3]),
            }
        ),
    },
)


def _too_many(retry_after: str | None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return JSONResponse({"errors": "Exceeded 2 calls per second for api client."}, 429, headers)


def _throttled(cost: dict[str, Any]) -> Response:
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    return JSONResponse({"errors": [error], "extensions": {"cost": cost}})


class Shopify:
    """Refuses whatever it is asked, in the words that were chosen for each shop."""

    def __init__(self) -> None:
        self.url = ""
        self.refusals: dict[str, Any] = {}

    async def answer(self, request: Request) -> Response:
        refusal = self.refusals[request.path_params["shop"]]
        return _throttled(refusal) if isinstance(refusal, dict) else _too_many(refusal)


@pytest.fixture
async def shopify() -> AsyncIterator[Shopify]:
    made = Shopify()
    path = "/{shop}/admin/api/{version}/graphql.json"
    async with serving(Starlette(routes=[Route(path, made.answer, methods=["POST"])])) as url:
        made.url = url
        yield made


@PROPERTY
@given(refusals=st.lists(statuses | costs, min_size=1, max_size=3))
async def test_a_rate_limit_is_logged_with_tenant_and_time(
    store: Store,
    publisher: Publisher,
    shopify: Shopify,
    log_lines: LogLines,
    refusals: list[Any],
):
    tenants = await store.connect([ShopKind()] * len(refusals))
    shopify.refusals = dict(zip(map(str, tenants), refusals, strict=True))
    log_lines.forget()
    began = datetime.now(UTC)

    async def tokens(tenant_id: UUID) -> AccessToken:
        return AccessToken("a-token", str(tenant_id))

    async def all_are_told_of() -> bool:
        told = {line.get("tenant_id") for line in log_lines.read() if _is_of_a_limit(line)}
        return told >= set(map(str, tenants))

    await ask_for_pulls(store, tenants)
    api = AdminApi(f"{shopify.url}/{{shop}}", "2026-10")
    await pull_until(store, publisher, api, tokens, all_are_told_of)

    for line in filter(_is_of_a_limit, log_lines.read()):
        assert began <= datetime.fromisoformat(line["time"]) <= datetime.now(UTC)
        assert line["tenant_id"] in map(str, tenants)


def _is_of_a_limit(line: dict[str, Any]) -> bool:
    """A pause that was told, or a pull put off because the pause would be too long."""
    return line["event"] == "shopify_throttled" or line.get("code") == "SHOPIFY_RATE_LIMIT"
