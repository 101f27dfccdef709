"""The gateway in front of the real oauth, ingestor and analytics, each on its own port."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp

from libs.common.database.engine import create_engine
from services.analytics.main import create_app as create_analytics
from services.analytics.settings import AnalyticsSettings
from services.gateway.accounts import PasswordHasher
from services.gateway.main import create_app
from services.gateway.parts import Parts, make_parts
from services.gateway.settings import GatewaySettings
from services.ingestor.main import create_app as create_ingestor
from services.ingestor.settings import IngestorSettings
from services.oauth.claims import sign_claim
from services.oauth.main import create_app as create_oauth
from services.oauth.main import create_parts as create_oauth_parts
from services.oauth.settings import OauthSettings
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.http_servers import serving
from tests.integration.analytics.shop_facts import Shop

PASSWORD = "a long enough password"
NOBODY_LISTENS = "http://127.0.0.1:9"
_CHEAPEST_COST = 4
"""What people's passwords cost is promised in tests/unit/gateway/test_accounts.py."""


@dataclass
class Platform:
    """One gateway. `new_browser` has cookies of its own."""

    app: ASGIApp
    parts: Parts
    database: Database
    keys: CallerKeys
    upstreams: dict[str, str]
    exits: AsyncExitStack = field(repr=False)

    @property
    def origin(self) -> str:
        return self.parts.settings.public_url

    async def new_browser(self) -> httpx.AsyncClient:
        browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=self.origin,
            headers={"Origin": self.origin},
        )
        return await self.exits.enter_async_context(browser)

    async def new_shop(self) -> Shop:
        shop = Shop(self.database.url)
        await shop.connect()
        await self.execute(
            "INSERT INTO tenancy.shop_directory (domain, tenant_id, status)"
            " VALUES ($1, $2, 'active')",
            domain_of(shop.tenant_id),
            shop.tenant_id,
        )
        return shop

    def claim(self, shop: Shop) -> str:
        return sign_claim(self.keys.signer("oauth"), shop.tenant_id, domain_of(shop.tenant_id))

    def hold_claim(self, browser: httpx.AsyncClient, claim: str) -> None:
        host = httpx.URL(self.origin).host
        # The jar knows a host without a dot under this name.
        domain = host if "." in host else f"{host}.local"
        browser.cookies.set(self.parts.cookies.claim, claim, domain=domain)

    async def new_owner(self, shop: Shop, username: str) -> httpx.AsyncClient:
        browser = await self.new_browser()
        self.hold_claim(browser, self.claim(shop))
        answer = await redeem(browser, username)
        assert answer.status_code == 201, answer.text
        return browser

    async def execute(self, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self.database.url)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.database.url)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()


def domain_of(tenant_id: UUID) -> str:
    return f"shop-{tenant_id.hex[-12:]}.myshopify.com"


async def redeem(
    browser: httpx.AsyncClient, username: str, password: str = PASSWORD
) -> httpx.Response:
    return await browser.post("/api/auth/claim", json={"username": username, "password": password})


async def log_in(
    browser: httpx.AsyncClient, username: str, password: str = PASSWORD
) -> httpx.Response:
    return await browser.post("/api/auth/login", json={"username": username, "password": password})


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@asynccontextmanager
async def running_services(database: Database, keys: CallerKeys) -> AsyncIterator[dict[str, str]]:
    """The environment variables with which the gateway finds its three neighbours."""
    engines = {
        name: create_engine(SecretStr(database.url_for(name)), name, pool_size=2)
        for name in ("oauth", "ingestor", "analytics")
    }
    apps = {
        "OAUTH_URL": create_oauth(_oauth_settings(database, keys), engines["oauth"]),
        "INGESTOR_URL": _ingestor(database, engines["ingestor"], keys),
        "ANALYTICS_URL": create_analytics(
            _analytics_settings(database, keys), engines["analytics"]
        ),
    }
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(serving(app)) for name, app in apps.items()}
    for engine in engines.values():
        await engine.dispose()


async def erase_what_is_due(platform: Platform) -> None:
    """Do what oauth does beside answering: begin the erasures that are due."""
    settings = _oauth_settings(platform.database, platform.keys)
    engine = create_engine(settings.database_url, "oauth", pool_size=2)
    parts = create_oauth_parts(settings, engine)
    while await parts.verification.step():
        pass
    await parts.close()
    await engine.dispose()


def gateway_settings(
    database: Database, keys: CallerKeys, dashboard: Path, **changes: str
) -> GatewaySettings:
    return GatewaySettings.from_environment(
        {
            "DATABASE_URL": database.url_for("gateway"),
            "AMQP_URL": "amqp://127.0.0.1:9/",
            "PUBLIC_URL": "http://127.0.0.1:8080",
            "SESSION_SECRET": "0123456789abcdef0123456789abcdef",
            "CALLER_PRIVATE_KEY": keys.private["gateway"],
            "CALLER_PUBLIC_KEYS": keys.public_list,
            "DASHBOARD_DIR": str(dashboard),
            "RATE_LIMIT_PER_MINUTE": "100000",
            "LOGIN_LIMIT_PER_MINUTE": "100000",
            **changes,
        }
    )


@asynccontextmanager
async def running_gateway(
    database: Database,
    keys: CallerKeys,
    dashboard: Path,
    upstreams: dict[str, str],
    *,
    passwords: PasswordHasher | None = None,
    **more: str,
) -> AsyncIterator[Platform]:
    """Hashes passwords as cheaply as can be, unless `passwords` are given."""
    settings = gateway_settings(database, keys, dashboard, **upstreams, **more)
    engine = create_engine(settings.database_url, "gateway", pool_size=4)
    parts = replace(
        make_parts(settings, engine), passwords=passwords or PasswordHasher(_CHEAPEST_COST)
    )
    async with AsyncExitStack() as exits:
        yield Platform(create_app(parts), parts, database, keys, upstreams, exits)
    await parts.close()
    await engine.dispose()


def _oauth_settings(database: Database, keys: CallerKeys) -> OauthSettings:
    return OauthSettings.from_environment(
        {
            "PORT": "0",
            "DATABASE_URL": database.url_for("oauth"),
            "AMQP_URL": "amqp://127.0.0.1:9/",
            "PUBLIC_URL": "http://127.0.0.1:8080",
            "SHOPIFY_API_KEY": "key",
            "SHOPIFY_API_SECRET": "secret",
            "ENCRYPTION_KEY": f"one:{base64.b64encode(bytes(32)).decode()}",
            "CALLER_PRIVATE_KEY": keys.private["oauth"],
            "CALLER_PUBLIC_KEYS": keys.public_list,
        }
    )


def _analytics_settings(database: Database, keys: CallerKeys) -> AnalyticsSettings:
    return AnalyticsSettings.from_environment(
        {"DATABASE_URL": database.url_for("analytics"), "CALLER_PUBLIC_KEYS": keys.public_list}
    )


def _ingestor(database: Database, engine: AsyncEngine, keys: CallerKeys) -> ASGIApp:
    return create_ingestor(
        IngestorSettings.from_environment(
            {
                "PORT": "0",
                "DATABASE_URL": database.url_for("ingestor"),
                "AMQP_URL": "amqp://127.0.0.1:9/",
                "OAUTH_URL": NOBODY_LISTENS,
                "WEBHOOKS_URL": NOBODY_LISTENS,
                "CALLER_PRIVATE_KEY": keys.private["ingestor"],
                "CALLER_PUBLIC_KEYS": keys.public_list,
            }
        ),
        engine,
    )
