"""Drives a running oauth service as the gateway, the ingestor and a browser would."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.engine import create_engine
from services.oauth.main import Parts, create_app, create_parts
from services.oauth.settings import OauthSettings
from tests.caller_keys import CallerKeys
from tests.http_servers import serving

SECRET = "hush"
OLDER_SECRET = "hush-before"
INSTALL, RECOVERY = "auth", "recover"
"""Where a browser begins, below /api/shopify."""
RECOVERED = "recover/callback"


def environment(
    database_url: str, api_url: str, keys: CallerKeys, **changes: str
) -> dict[str, str]:
    return {
        "PORT": "0",
        "DATABASE_URL": database_url,
        "AMQP_URL": "amqp://127.0.0.1:1/",
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "SHOPIFY_API_KEY": "the-app",
        "SHOPIFY_API_SECRET": SECRET,
        "WEBHOOK_SECRET": OLDER_SECRET,
        "SHOPIFY_API_URL": api_url,
        "SHOPIFY_AUTHORIZE_URL": f"{api_url}/admin/oauth/authorize",
        "ENCRYPTION_KEY": "k1:" + base64.b64encode(b"k" * 32).decode(),
        "CALLER_PRIVATE_KEY": keys.private["oauth"],
        "CALLER_PUBLIC_KEYS": keys.public_list,
        **changes,
    }


def new_domain() -> str:
    return f"shop-{uuid4().hex}.myshopify.com"


def encoded(parameters: Mapping[str, str]) -> str:
    return urlencode(sorted(parameters.items()), quote_via=quote, safe="*-._")


def signed(parameters: Mapping[str, str], secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), encoded(parameters).encode(), hashlib.sha256)
    return {**parameters, "hmac": digest.hexdigest()}


@dataclass(frozen=True)
class Begun:
    """A browser that was sent to Shopify: its cookie, and what Shopify will send it back with."""

    browser: str
    parameters: dict[str, str]


_SIGN_AS = "X-Sign-As"


class _SignAsNamed(httpx.Auth):
    """Signs each request as the caller that its header names: a token is for one request only."""

    requires_request_body = True

    def __init__(self, keys: CallerKeys) -> None:
        self._keys = keys

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if named := request.headers.pop(_SIGN_AS, None):
            name, audience, *tenant = named.split()
            auth = self._keys.auth(name, audience, UUID(tenant[0]) if tenant else None)
            yield from auth.auth_flow(request)
        else:
            yield request


class OauthDriver:
    def __init__(
        self, http: httpx.AsyncClient, engine: AsyncEngine, keys: CallerKeys, parts: Parts
    ) -> None:
        self.http = http
        self._keys = keys
        self.engine = engine
        self.parts = parts

    async def work(self) -> None:
        """Do what the background work would, until there is nothing left that is due."""
        while await self.parts.verification.step():
            pass

    def caller(self, name: str, audience: str = "oauth", tenant: UUID | None = None) -> Any:
        """The headers of a call that `http` signs as `name`."""
        return {_SIGN_AS: f"{name} {audience} {tenant or ''}"}

    def private_key(self, name: str) -> str:
        return self._keys.private[name]

    async def auth(self, query: str, door: str = INSTALL, **headers: str) -> httpx.Response:
        url = f"/api/shopify/{door}?{query}"
        self.http.cookies.clear()
        return await self.http.get(url, headers=self.caller("gateway") | headers)

    async def begin(self, domain: str, code: str = "the-code", door: str = INSTALL) -> Begun:
        answer = await self.auth(f"shop={domain}", door)
        assert answer.status_code == 302
        [state] = parse_qs(urlsplit(answer.headers["Location"]).query)["state"]
        parameters = {
            "code": code,
            "host": "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvYQ",
            "shop": domain,
            "state": state,
            "timestamp": str(int(utc_now().timestamp())),
        }
        return Begun(answer.cookies["install"], parameters)

    async def callback(
        self,
        query: Mapping[str, str] | str,
        browser: str | None,
        path: str = "callback",
        **headers: str,
    ) -> httpx.Response:
        shown = query if isinstance(query, str) else encoded(query)
        cookie = {} if browser is None else {"Cookie": f"install={browser}"}
        url = f"/api/shopify/{path}?{shown}"
        self.http.cookies.clear()
        return await self.http.get(url, headers=self.caller("gateway") | cookie | headers)

    async def connect(self, domain: str) -> UUID:
        begun = await self.begin(domain)
        answer = await self.callback(signed(begun.parameters), begun.browser)
        assert answer.status_code == 303, answer.text
        return await self.tenant_of(domain)

    async def token(self, tenant_id: UUID) -> httpx.Response:
        url = f"/internal/tenants/{tenant_id}/token"
        return await self.http.post(url, headers=self.caller("ingestor", tenant=tenant_id))

    async def tenant(self, tenant_id: UUID) -> httpx.Response:
        url = f"/internal/tenants/{tenant_id}"
        return await self.http.get(url, headers=self.caller("gateway", tenant=tenant_id))

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(sql), values)
            return list(result.mappings()) if result.returns_rows else []

    async def tenant_of(self, domain: str) -> UUID:
        sql = "SELECT tenant_id FROM tenancy.shop_directory WHERE domain = :domain"
        [row] = await self.rows(sql, domain=domain)
        return UUID(str(row["tenant_id"]))

    async def status_of(self, tenant_id: UUID) -> str:
        return str((await self.tenant(tenant_id)).json()["status"])

    async def events_of(self, tenant_id: UUID) -> list[Any]:
        sql = "SELECT type, body FROM tenancy.outbox WHERE tenant_id = :id ORDER BY id"
        return await self.rows(sql, id=tenant_id)

    async def let_token_expire(self, tenant_id: UUID, at: datetime) -> None:
        sql = "UPDATE tenancy.credentials SET access_expires_at = :at WHERE tenant_id = :id"
        await self.rows(sql, id=tenant_id, at=at)


@asynccontextmanager
async def running(
    database_url: str, api_url: str, keys: CallerKeys, **changes: str
) -> AsyncIterator[OauthDriver]:
    """An oauth service on a port of its own, as `main` makes it but for the broker."""
    given = environment(database_url, api_url, keys, **changes)
    settings = OauthSettings.from_environment(given)
    engine = create_engine(settings.database_url, "oauth", pool_size=settings.database_pool_size)
    parts = create_parts(settings, engine)
    try:
        async with (
            serving(create_app(settings, engine, parts)) as url,
            httpx.AsyncClient(
                base_url=url, timeout=30, trust_env=False, auth=_SignAsNamed(keys)
            ) as http,
        ):
            yield OauthDriver(http, engine, keys, parts)
    finally:
        await engine.dispose()
