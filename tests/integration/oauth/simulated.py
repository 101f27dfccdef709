"""A shop of the simulator, as a process, whose token endpoint lies behind a door that counts the
calls, holds them up, and loses answers on the way back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common.database.engine import create_engine
from libs.simulator.breakage import CutAnswer
from services.oauth.encryption import ACCESS_TOKEN, Cipher
from services.oauth.main import Parts, create_parts
from services.oauth.settings import OauthSettings
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.http_servers import serving
from tests.integration.oauth.driver import OauthDriver, environment, running
from tests.integration.simulator.driver import KEY, SECRET, Simulator


@dataclass
class Door:
    """`lost` answers are cut off after Shopify has done what was asked."""

    shopify: httpx.AsyncClient
    url: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    lost: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def pass_on(self, request: Request) -> Response:
        body = await request.body()
        self.calls.append(dict(httpx.QueryParams(body.decode())))
        headers = {"Content-Type": request.headers["Content-Type"]}
        answer = await self.shopify.post(request.url.path, content=body, headers=headers)
        self.arrived.set()
        await self.gate.wait()
        passed = Response(answer.content, answer.status_code, media_type="application/json")
        if self.lost == 0:
            return passed
        self.lost -= 1
        return CutAnswer(passed, "start")

    async def ask_admin(self, request: Request) -> Response:
        body = await request.body()
        headers = {"X-Shopify-Access-Token": request.headers["X-Shopify-Access-Token"]}
        answer = await self.shopify.post(
            request.url.path,
            content=body,
            headers={"Content-Type": "application/json", **headers},
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    @property
    def refreshes(self) -> list[str]:
        return [call["refresh_token"] for call in self.calls if "refresh_token" in call]

    @property
    def migrations(self) -> list[str]:
        return [call["subject_token"] for call in self.calls if "subject_token" in call]


@dataclass
class Connected:
    """A connected shop: our side, the door, and Shopify's side."""

    oauth: OauthDriver
    door: Door
    shop: Simulator
    tenant_id: UUID
    database_url: str
    variables: dict[str, str]

    async def token(self) -> str:
        return str((await self.oauth.token(self.tenant_id)).json()["accessToken"])

    async def report_refused(self, token: str) -> httpx.Response:
        url = f"/internal/tenants/{self.tenant_id}/token/refused"
        headers = self.oauth.caller("ingestor", tenant=self.tenant_id)
        return await self.oauth.http.post(url, json={"accessToken": token}, headers=headers)

    async def takes(self, token: str) -> bool:
        """Whether the Admin API answers to `token`."""
        self.shop.headers = {"X-Shopify-Access-Token": token}
        return (await self.shop.ask("{ shop { id } }")).status_code == 200

    async def come_back(self) -> httpx.Response:
        """As a browser does it: our door, Shopify's page, our callback."""
        door = await self.oauth.auth(f"shop={self.shop.shop}")
        page = await self.shop.http.get(door.headers["Location"])
        back = urlsplit(page.headers["Location"]).query
        return await self.oauth.callback(back, door.cookies["install"])

    async def walk_through(self) -> UUID:
        answer = await self.come_back()
        assert answer.status_code == 303, answer.text
        return await self.oauth.tenant_of(self.shop.shop)

    async def let_time_pass(self, days: int) -> None:
        """On our side: everything that is stored gets as much older."""
        sql = """UPDATE tenancy.credentials
            SET access_expires_at = access_expires_at - CAST(:by AS interval),
                refresh_expires_at = refresh_expires_at - CAST(:by AS interval)
            WHERE tenant_id = :id"""
        await self.oauth.rows(sql, by=timedelta(days=days), id=self.tenant_id)

    async def hold_a_token_without_end(self) -> str:
        """In place of the pair: what an app got before there were pairs."""
        answer = await self.shop.token(code=await self.shop.code())
        token = str(answer.json()["access_token"])
        settings = OauthSettings.from_environment(self.variables)
        sealed = Cipher(settings.encryption_key).seal(
            SecretStr(token), self.tenant_id, ACCESS_TOKEN
        )
        sql = """UPDATE tenancy.credentials SET access_token_ciphertext = :sealed,
            access_expires_at = NULL, refresh_token_ciphertext = NULL, refresh_expires_at = NULL
            WHERE tenant_id = :id"""
        await self.oauth.rows(sql, sealed=sealed, id=self.tenant_id)
        return token

    @asynccontextmanager
    async def parts(self, **changes: str) -> AsyncIterator[Parts]:
        """What another oauth process would work with, on connections of its own."""
        settings = OauthSettings.from_environment({**self.variables, **changes})
        engine = create_engine(settings.database_url, "oauth", pool_size=10)
        made = create_parts(settings, engine)
        try:
            yield made
        finally:
            await made.close()
            await engine.dispose()


@asynccontextmanager
async def connected(
    database: Database, keys: CallerKeys, base: str, domain: str
) -> AsyncIterator[Connected]:
    async with AsyncExitStack() as stack:
        shopify = httpx.AsyncClient(base_url=base, timeout=30, trust_env=False)
        door = Door(await stack.enter_async_context(shopify))
        routes = [
            Route("/{shop}/admin/oauth/access_token", door.pass_on, methods=["POST"]),
            Route("/{shop}/admin/api/{version}/graphql.json", door.ask_admin, methods=["POST"]),
        ]
        door.url = await stack.enter_async_context(serving(Starlette(routes=routes)))
        changes = {
            "SHOPIFY_API_KEY": KEY,
            "SHOPIFY_API_SECRET": SECRET,
            "SHOPIFY_AUTHORIZE_URL": f"{base}/{{shop}}/admin/oauth/authorize",
        }
        url, api_url = database.url_for("oauth"), f"{door.url}/{{shop}}"
        oauth = await stack.enter_async_context(running(url, api_url, keys, **changes))
        shop = await stack.enter_async_context(Simulator(base, domain))
        variables = environment(url, api_url, keys, **changes)
        made = Connected(oauth, door, shop, UUID(int=0), url, variables)
        made.tenant_id = await made.walk_through()
        door.calls.clear()
        door.arrived.clear()
        yield made
        door.gate.set()
