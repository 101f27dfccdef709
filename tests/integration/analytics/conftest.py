"""The real analytics app, as the gateway asks it, on a database of its own."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from libs.common.database.engine import create_engine
from services.analytics.main import create_app
from services.analytics.settings import AnalyticsSettings
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.analytics.shop_facts import Shop


@dataclass
class Analytics:
    http: httpx.AsyncClient
    keys: CallerKeys

    async def get(self, tenant_id: UUID, path: str, **params: str) -> httpx.Response:
        auth = self.keys.auth("gateway", "analytics", tenant_id)
        return await self.http.get(f"/api/analytics/{path}", params=params, auth=auth)

    async def ask(self, tenant_id: UUID, path: str, **params: str) -> Any:
        answer = await self.get(tenant_id, path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def analytics(database: Database) -> AsyncIterator[Analytics]:
    keys = CallerKeys()
    settings = AnalyticsSettings.from_environment(
        {"DATABASE_URL": database.url_for("analytics"), "CALLER_PUBLIC_KEYS": keys.public_list}
    )
    engine = create_engine(SecretStr(database.url_for("analytics")), "analytics", pool_size=2)
    transport = httpx.ASGITransport(create_app(settings, engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://analytics") as http:
        yield Analytics(http, keys)
    await engine.dispose()


@pytest.fixture
async def new_shop(database: Database) -> Callable[..., Any]:
    async def make(**facts: Any) -> Shop:
        shop = Shop(database.url, **facts)
        await shop.connect()
        return shop

    return make
