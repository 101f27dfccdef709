"""Every route of the gateway, asked by everybody: who the table names gets in, and nobody else."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from structlog.testing import capture_logs

from libs.common.errors import ConfigurationError
from libs.common.web.app import create_web_app
from libs.common.web.callers import HEALTH, Permit, for_tenant, tenantless
from services.gateway.permissions import PERMISSIONS, Access, PermissionGuard
from tests.http_servers import serving
from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.platform import Platform, domain_of, running_gateway
from tests.integration.gateway.recovering import proof

ROLES = ("owner", "admin", "analyst", "viewer")
REFUSALS = (
    *("AUTH_SESSION_EXPIRED", "OWNER_REQUIRED", "CALLER_REFUSED"),
    *("CLAIM_NOT_FOUND", "RECOVERY_NOT_FOUND"),
)
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# Last, because it ends the session that the others need.
ROWS = sorted(PERMISSIONS, key=lambda row: row.endswith("/logout"))
_names = count()


@dataclass
class Visitor:
    """Somebody with cookies, who sends every request as the dashboard would."""

    http: httpx.AsyncClient

    async def ask(self, row: str, **headers: str) -> tuple[str | None, str]:
        """The code of the refusal, and what was answered."""
        method, path = row.split()
        path = re.sub(r"\{(.+?)\}", _value, path)
        body = b"{}" if method in UNSAFE else b""
        given = {"Content-Type": "application/json", **headers}
        async with self.http.stream(method, path, content=body, headers=given) as answer:
            if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                return None, ""
            text = (await answer.aread()).decode()
        if not text.startswith('{"error"'):
            return None, text
        code: str = answer.json()["error"]["code"]
        return code, text


def _value(parameter: re.Match[str]) -> str:
    known = {"question:path": "summary", "rest:path": "nothing", "path:path": "overview"}
    return known.get(parameter[1], str(uuid4()))


@pytest.fixture
async def url(platform: Platform) -> AsyncIterator[str]:
    async with serving(platform.app) as url:
        yield url


@asynccontextmanager
async def _visitor(
    platform: Platform, url: str, cookies: Mapping[str, str]
) -> AsyncIterator[Visitor]:
    async with httpx.AsyncClient(
        base_url=url,
        cookies=dict(cookies),
        headers={"Origin": platform.origin},
        trust_env=False,
        timeout=60,
    ) as http:
        yield Visitor(http)


async def _member(platform: Platform, role: str) -> tuple[Shop, dict[str, str]]:
    """A shop, and the cookies of somebody who has `role` in it."""
    shop = await platform.new_shop()
    browser = await platform.new_owner(shop, f"ada-{next(_names)}")
    await platform.execute(
        "UPDATE identity.memberships SET role = $1 WHERE tenant_id = $2", role, shop.tenant_id
    )
    name = platform.parts.cookies.session
    return shop, {name: str(browser.cookies[name])}


_NOT_HELD = {Access.CLAIM: "CLAIM_NOT_FOUND", Access.PROOF: "RECOVERY_NOT_FOUND"}


def _expected(access: Access | Permit, role: str | None, held: Access | None) -> str | None:
    if isinstance(access, Permit):
        return "CALLER_REFUSED"
    if access is Access.PUBLIC:
        return None
    if access in _NOT_HELD:
        return None if access is held else _NOT_HELD[access]
    if role is None:
        return "AUTH_SESSION_EXPIRED"
    return None if access is Access.MEMBER or role == "owner" else "OWNER_REQUIRED"


async def _check_all(visitor: Visitor, role: str | None, held: Access | None = None) -> list[str]:
    """The answers, after every one was compared with the table."""
    answers = []
    for row in ROWS:
        code, text = await visitor.ask(row)
        refused = code if code in REFUSALS else None
        assert refused == _expected(PERMISSIONS[row], role, held), (row, text)
        answers.append(text)
    return answers


@pytest.mark.parametrize("role", ROLES)
async def test_a_member_is_shown_what_the_role_is_for(platform: Platform, url: str, role: str):
    _, cookies = await _member(platform, role)
    async with _visitor(platform, url, cookies) as visitor:
        await _check_all(visitor, role)


async def test_a_stranger_is_shown_what_is_public(platform: Platform, url: str):
    for cookies in ({}, {platform.parts.cookies.session: "made-up"}):
        async with _visitor(platform, url, cookies) as visitor:
            await _check_all(visitor, None)


async def test_who_holds_a_claim_may_redeem_it_and_nothing_else(platform: Platform, url: str):
    claim = platform.claim(await platform.new_shop())
    async with _visitor(platform, url, {platform.parts.cookies.claim: claim}) as visitor:
        await _check_all(visitor, None, Access.CLAIM)
    async with _visitor(platform, url, {platform.parts.cookies.claim: claim[:-4]}) as visitor:
        for row in ("GET /api/auth/claim", "POST /api/auth/claim"):
            assert (await visitor.ask(row))[0] == "CLAIM_INVALID"


async def test_who_holds_a_proof_may_recover_and_nothing_else(platform: Platform, url: str):
    token = proof(platform, await platform.new_shop())
    async with _visitor(platform, url, {platform.parts.cookies.recovery: token}) as visitor:
        await _check_all(visitor, None, Access.PROOF)
    async with _visitor(platform, url, {platform.parts.cookies.recovery: token[:-4]}) as visitor:
        for row in ("GET /api/auth/recovery", "POST /api/auth/recovery"):
            assert (await visitor.ask(row))[0] == "RECOVERY_INVALID"


async def test_the_owner_of_another_shop_sees_nothing_of_this_one(platform: Platform, url: str):
    shop, _ = await _member(platform, "owner")
    _, cookies = await _member(platform, "owner")
    async with _visitor(platform, url, cookies) as visitor:
        for answer in await _check_all(visitor, "owner"):
            assert str(shop.tenant_id) not in answer
            assert domain_of(shop.tenant_id) not in answer


def test_no_route_for_people_takes_a_tenant_from_the_request():
    for row, access in PERMISSIONS.items():
        assert isinstance(access, Permit) or "tenant_id" not in row


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_no_change_is_made_for_another_site_whatever_the_route(
    platform: Platform, url: str, origin: str
):
    _, cookies = await _member(platform, "owner")
    async with _visitor(platform, url, cookies) as visitor:
        for row in ROWS:
            code, _ = await visitor.ask(row, Origin=origin)
            unsafe = row.split()[0] in UNSAFE
            assert (code == "ORIGIN_REFUSED") == unsafe, row
        for row in (row for row in ROWS if row.split()[0] in UNSAFE):
            code, _ = await visitor.ask(row, **{"Sec-Fetch-Site": "cross-site"})
            assert code == "ORIGIN_REFUSED", row


def _app(platform: Platform, table: Mapping[str, Access | Permit]) -> FastAPI:
    router = APIRouter()

    @router.get("/internal/users")
    async def list_users() -> list[str]:
        return ["ada"]

    health = dict.fromkeys(HEALTH, Access.PUBLIC)
    guard = PermissionGuard(platform.parts, {**health, **table})
    return create_web_app("test", [router], ready_checks={}, guard=guard)


async def test_a_route_without_a_row_keeps_the_gateway_from_starting(platform: Platform):
    with pytest.raises(ConfigurationError):
        _app(platform, {})
    with pytest.raises(ConfigurationError):
        _app(platform, {"GET /internal/users": Access.PUBLIC, "GET /gone": Access.PUBLIC})


@pytest.mark.parametrize("caller", ["ops", "oauth", "gateway", None])
async def test_a_row_may_be_another_services(platform: Platform, caller: str | None):
    app = _app(platform, {"GET /internal/users": tenantless("ops")})
    _, cookies = await _member(platform, "owner")
    auth = platform.keys.auth(caller, "gateway") if caller else None
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=platform.origin, cookies=cookies, auth=auth
    ) as http:
        answer = await http.get("/internal/users")
    assert answer.status_code == (200 if caller == "ops" else 401)
    assert for_tenant("ops") != tenantless("ops")


def _events(lines: list[Mapping[str, object]]) -> list[tuple[object, object]]:
    return [
        (line["security_event"], line.get("reason") or line.get("route") or line.get("method"))
        for line in lines
        if line["event"] == "security_event"
    ]


async def test_every_refusal_is_a_security_event_and_repeats_are_counted(
    platform: Platform, url: str
):
    shop, cookies = await _member(platform, "viewer")
    routes = ("PATCH /api/tenants/current", "DELETE /api/tenants/current")
    with capture_logs() as lines:
        async with _visitor(platform, url, cookies) as visitor:
            for row in routes * 3:
                await visitor.ask(row)
        async with _visitor(platform, url, {platform.parts.cookies.claim: "x.y.z"}) as visitor:
            await visitor.ask("GET /api/auth/claim")
        async with _visitor(platform, url, {}) as visitor:
            await visitor.ask("GET /api/auth/claim")
            await visitor.ask("GET /api/auth/session")
    assert _events(lines) == [
        *(("access_refused", row) for row in routes),
        ("claim_refused", "CLAIM_INVALID"),
    ]
    [refused, *_] = [line for line in lines if line["event"] == "security_event"]
    assert (refused["tenant_id"], refused["role"]) == (str(shop.tenant_id), "viewer")
    assert {"who", "source", "source_hash"} <= refused.keys()


async def test_a_refused_origin_and_a_reached_limit_are_security_events(platform: Platform):
    upstreams = platform.upstreams
    folder = platform.parts.settings.dashboard_dir
    async with running_gateway(
        platform.database, platform.keys, folder, upstreams, RATE_LIMIT_PER_MINUTE="2"
    ) as strict:
        transport = httpx.ASGITransport(strict.app, client=("192.0.2.77", 1))
        async with httpx.AsyncClient(transport=transport, base_url=strict.origin) as http:
            with capture_logs() as lines:
                for _ in range(3):
                    await http.post("/", headers={"Origin": "https://evil.example"})
                codes = [(await http.get("/api/docs")).status_code for _ in range(6)]
    assert codes == [200, 200, 429, 429, 429, 429]
    assert _events(lines) == [("origin_refused", "POST"), ("rate_limited", None)]
    assert {line["source"] for line in lines if "source" in line} == {"192.0.2.0/24"}


async def test_a_refused_install_is_recorded_with_the_clients_network(platform: Platform):
    transport = httpx.ASGITransport(platform.app, client=("198.51.100.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url=platform.origin) as http:
        with capture_logs() as lines:
            # What a client says of itself is not passed on.
            lie = {"X-Client-Address": "203.0.113.7"}
            answer = await http.get("/api/shopify/auth?shop=evil.example", headers=lie)
    assert answer.json()["error"]["code"] == "VALIDATION_INVALID_SHOP"
    [event] = [line for line in lines if line["event"] == "security_event"]
    assert (event["security_event"], event["source"]) == ("install_refused", "198.51.100.0/24")
