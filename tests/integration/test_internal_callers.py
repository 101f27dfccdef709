"""Every internal route of every service, asked by everybody: only the callers of its row get in,
only for the tenant that is named, only with the request they signed, and only once."""

import base64
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.database.engine import create_engine
from libs.common.errors import ConfigurationError
from libs.common.identity import Call, TokenVerifier
from libs.common.settings import ServiceSettings
from libs.common.web.app import create_web_app
from libs.common.web.callers import HEALTH, CallerGuard, Permit, for_tenant, tenantless
from libs.common.web.client import ServiceClient
from libs.common.web.guards import rows_of
from services.analytics import permissions as of_analytics
from services.analytics.main import create_app as create_analytics
from services.analytics.settings import AnalyticsSettings
from services.gateway import permissions as of_gateway
from services.gateway.main import create_api as create_gateway
from services.gateway.parts import make_parts
from services.gateway.settings import GatewaySettings
from services.ingestor import permissions as of_ingestor
from services.ingestor.main import create_app as create_ingestor
from services.ingestor.settings import IngestorSettings
from services.oauth import permissions as of_oauth
from services.oauth.main import create_app as create_oauth
from services.oauth.settings import OauthSettings
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.http_servers import serving

KEYS = CallerKeys()
CALLERS = ("gateway", "oauth", "webhooks", "ingestor", "analytics", "ops")
BODY = b"{}"


def _create_gateway(settings: GatewaySettings, engine: AsyncEngine) -> FastAPI:
    return create_gateway(make_parts(settings, engine))


_Create = Callable[[Any, AsyncEngine], FastAPI]
# Of the gateway's rows those that are for people are asked in gateway/test_permissions.py.
SERVICES: Mapping[str, tuple[_Create, type[ServiceSettings], Mapping[str, object]]] = {
    "oauth": (create_oauth, OauthSettings, of_oauth.PERMISSIONS),
    "ingestor": (create_ingestor, IngestorSettings, of_ingestor.PERMISSIONS),
    "analytics": (create_analytics, AnalyticsSettings, of_analytics.PERMISSIONS),
    "gateway": (_create_gateway, GatewaySettings, of_gateway.PERMISSIONS),
}
PERMITS = {
    (service, row): permit
    for service, (_, _, table) in SERVICES.items()
    for row, permit in table.items()
    if isinstance(permit, Permit)
}


def _app(service: str, database: Database, engine: AsyncEngine) -> FastAPI:
    create, settings, _ = SERVICES[service]
    environment = {
        "PORT": "0",
        "DATABASE_URL": database.url_for(service),
        "AMQP_URL": "amqp://127.0.0.1:9/",
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "OAUTH_URL": "http://127.0.0.1:9",
        "INGESTOR_URL": "http://127.0.0.1:9",
        "ANALYTICS_URL": "http://127.0.0.1:9",
        "SESSION_SECRET": "0123456789abcdef0123456789abcdef",
        "WEBHOOKS_URL": "http://127.0.0.1:9",
        "SHOPIFY_API_KEY": "key",
        "SHOPIFY_API_SECRET": "secret",
        "ENCRYPTION_KEY": f"one:{base64.b64encode(bytes(32)).decode()}",
        "CALLER_PRIVATE_KEY": KEYS.private[service],
        "CALLER_PUBLIC_KEYS": KEYS.public_list,
    }
    return create(settings.from_environment(environment), engine)


@asynccontextmanager
async def _engine(service: str, database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(SecretStr(database.url_for(service)), service, pool_size=2)
    yield engine
    await engine.dispose()


@dataclass
class Door:
    """One route, and the means to ask it as anybody would who has some of the keys."""

    http: httpx.AsyncClient
    service: str
    row: str
    permit: Permit
    tenant_id: UUID

    @property
    def method(self) -> str:
        return self.row.split()[0]

    @property
    def path(self) -> str:
        path = self.row.split()[1].replace("{tenant_id}", str(self.tenant_id))
        return re.sub(r"\{.+?\}", str(uuid4()), path)

    @property
    def named(self) -> UUID | None:
        return self.tenant_id if self.permit.names_tenant else None

    def token(self, call: Call, **changes: Any) -> str:
        """What the row's first caller would send with `call`, but for the `changes`."""
        keys: CallerKeys = changes.get("keys", KEYS)
        signer = keys.signer(changes.get("caller", min(self.permit.callers)))
        tenant_id = changes.get("tenant_id", self.named)
        return signer.caller_token(changes.get("audience", self.service), call, tenant_id=tenant_id)

    async def ask(self, path: str, token: str | None, body: bytes = BODY) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.http.request(self.method, path, content=body, headers=headers)

    async def code(self, path: str | None = None, **changes: Any) -> str | None:
        path = path or self.path
        call = Call(self.method, path.encode(), BODY)
        return _code(await self.ask(path, self.token(call, **changes)))


def _code(answer: httpx.Response) -> str | None:
    """The code of a refusal; None for any answer that comes from behind the guard."""
    if answer.status_code != 401:
        return None
    code: str = answer.json()["error"]["code"]
    return code


@pytest.fixture(params=PERMITS, ids=" ".join)
async def door(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Door]:
    service, row = request.param
    permit = PERMITS[service, row]
    async with _engine(service, database) as engine:
        app = _app(service, database, engine)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://inside") as http:
            yield Door(http, service, row, permit, uuid4())
        if parts := getattr(app.state, "parts", None):
            await parts.close()


async def test_every_route_answers_the_callers_of_its_row_and_nobody_else(door: Door):
    for caller in CALLERS:
        code = await door.code(caller=caller)
        assert code == (None if caller in door.permit.callers else "CALLER_REFUSED"), caller
    assert door.permit.callers <= set(CALLERS)


async def test_every_route_refuses_what_is_no_good_token(door: Door):
    assert await door.code(keys=CallerKeys()) == "CALLER_REFUSED"
    for audience in ("gateway:claim", "webhooks", *SERVICES):
        code = await door.code(audience=audience)
        assert code == (None if audience == door.service else "CALLER_REFUSED"), audience
    for token in (None, "", "x.y.z"):
        assert _code(await door.ask(door.path, token)) == "CALLER_REFUSED"


async def test_every_route_opens_for_the_tenant_that_the_call_names_and_for_no_other(door: Door):
    if door.permit.names_tenant:
        assert await door.code(tenant_id=None) == "CALLER_REFUSED"
    else:
        assert await door.code(tenant_id=uuid4()) == "CALLER_REFUSED"
    if str(door.tenant_id) in door.path:
        assert await door.code(tenant_id=uuid4()) == "CALLER_REFUSED"


async def test_every_route_takes_a_token_once_and_with_the_request_it_was_made_for(door: Door):
    path = door.path
    call = Call(door.method, path.encode(), BODY)
    for other in (
        Call("PUT", call.target, call.body),
        Call(door.method, call.target + b"?limit=2", call.body),
        Call(door.method, call.target + b"/", call.body),
        Call(door.method, call.target, b'{"a": 1}'),
    ):
        assert _code(await door.ask(path, door.token(other))) == "CALLER_REFUSED", other
    token = door.token(call)
    assert _code(await door.ask(path, token)) is None
    assert _code(await door.ask(path, token)) == "CALLER_REFUSED"


async def test_a_refused_call_is_a_security_event_with_its_reason(door: Door):
    with capture_logs() as lines:
        await door.code(keys=CallerKeys())
        await door.code(keys=CallerKeys())
        await door.code(tenant_id=None if door.permit.names_tenant else uuid4())
    events = [line for line in lines if line["event"] == "security_event"]
    assert [event["security_event"] for event in events] == ["caller_refused"] * 2
    assert [event["route"] for event in events] == [door.row] * 2
    tenant = "tenant_missing" if door.permit.names_tenant else "tenant_named"
    assert [event["reason"] for event in events] == ["token_invalid", tenant]
    assert {event["log_level"] for event in events} == {"warning"}


@pytest.mark.parametrize("service", SERVICES)
async def test_the_table_has_a_row_for_every_route(service: str, database: Database):
    async with _engine(service, database) as engine:
        app = _app(service, database, engine)
        routes = rows_of(app)
        if parts := getattr(app.state, "parts", None):
            await parts.close()
    assert sorted(routes) == sorted(SERVICES[service][2])
    assert {row for row in routes if row.split()[1].startswith("/health/")} == set(HEALTH)


def _with_routes(table: Mapping[str, Permit | None]) -> FastAPI:
    router = APIRouter()

    @router.get("/internal/tenants/{tenant_id}")
    async def read() -> None: ...

    guard = CallerGuard(TokenVerifier("oauth", KEYS.public), {**HEALTH, **table})
    return create_web_app("test", [router], ready_checks={}, guard=guard)


def test_a_service_whose_table_and_routes_differ_does_not_start():
    row = "GET /internal/tenants/{tenant_id}"
    assert _with_routes({row: for_tenant("gateway")})
    for wrong in (
        {},
        {row.replace("GET", "PUT"): for_tenant("gateway")},
        {row: for_tenant("gateway"), "GET /gone": tenantless("ops")},
        {row: tenantless("ops")},
    ):
        with pytest.raises(ConfigurationError):
            _with_routes(wrong)


@pytest.mark.parametrize(
    "query",
    [
        *("shop=a%2Fb", "shop=a%2fb&shop=", "shop=ü", "shop=a+b%20c", "shop=%zz", "shop=a?b=/c"),
        *("shop=[]{}|^`", "shop=a&&=&", "=", "?", "%00"),
    ],
)
async def test_what_is_signed_is_what_arrives_however_it_is_written(database: Database, query: str):
    async with (
        _engine("oauth", database) as engine,
        serving(_app("oauth", database, engine)) as url,
    ):
        client = ServiceClient("oauth", url, KEYS.signer("gateway"))
        tenant_id = uuid4()
        written = str(tenant_id).replace("-", "%2d")
        begun = await client.send("GET", "/api/shopify/auth", params=query)
        read = await client.send("GET", f"/internal/tenants/{written}", tenant_id=tenant_id)
        await client.close()
    assert begun.json()["error"]["code"] != "CALLER_REFUSED"
    assert read.json()["error"]["code"] == "TENANT_NOT_FOUND"
