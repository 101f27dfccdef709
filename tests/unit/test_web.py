"""Every failed call answers with the same shape, a request id, and nothing of our insides."""

import asyncio
import re

import httpx
import pytest
import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from libs.common.errors import DatabaseUnavailableError, PlatformError, TenantNotFoundError
from libs.common.web.app import create_web_app
from libs.common.web.errors import STATUS_BY_CODE
from libs.common.web.server import end
from tests.http_servers import serving


class Named(BaseModel):
    name: str


def _router() -> APIRouter:
    router = APIRouter()

    @router.get("/missing")
    async def missing() -> None:
        raise TenantNotFoundError("There is no such tenant.")

    @router.get("/busy")
    async def busy() -> None:
        raise DatabaseUnavailableError("PostgreSQL does not answer", retry_after_seconds=7)

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the insides")

    @router.post("/named")
    async def named(body: Named) -> Named:
        return body

    return router


@pytest.fixture
async def client():
    async def down() -> None:
        raise DatabaseUnavailableError("PostgreSQL does not answer")

    app = create_web_app("test", [_router()], ready_checks={"database": down})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield http


def _assert_error(answer: httpx.Response, status: int, code: str, *, retryable: bool) -> dict:
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"error", "requestId", "timestamp"}
    assert set(body["error"]) == {"code", "message", "details", "retryable"}
    assert body["error"]["code"] == code
    assert body["error"]["retryable"] is retryable
    assert body["requestId"] == answer.headers["X-Request-Id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", body["timestamp"])
    return body["error"]


async def test_a_permanent_error_has_its_status(client):
    _assert_error(await client.get("/missing"), 404, "TENANT_NOT_FOUND", retryable=False)


async def test_a_transient_error_says_when_to_come_back(client):
    answer = await client.get("/busy")
    _assert_error(answer, 503, "DATABASE_CONNECTION_FAILED", retryable=True)
    assert answer.headers["Retry-After"] == "7"


async def test_an_unexpected_error_shows_nothing_of_our_insides(client):
    answer = await client.get("/broken")
    _assert_error(answer, 500, "INTERNAL_SERVER_ERROR", retryable=True)
    assert "insides" not in answer.text


async def test_a_wrong_body_is_told_which_field(client):
    error = _assert_error(
        await client.post("/named", json={}), 400, "VALIDATION_FAILED", retryable=False
    )
    assert error["details"] == [{"field": "body.name", "problem": "Field required"}]


async def test_an_unknown_path_and_method_have_the_shape_too(client):
    _assert_error(await client.get("/nowhere"), 404, "NOT_FOUND", retryable=False)
    _assert_error(await client.get("/named"), 405, "METHOD_NOT_ALLOWED", retryable=False)


async def test_a_body_above_the_limit_is_refused_declared_or_streamed(client):
    async def chunks():
        for _ in range(9):
            yield b"x" * 16_384

    declared = await client.post("/named", content=b"x" * 70_000)
    streamed = await client.post("/named", content=chunks())
    _assert_error(declared, 413, "PAYLOAD_TOO_LARGE", retryable=False)
    _assert_error(streamed, 413, "PAYLOAD_TOO_LARGE", retryable=False)


async def test_an_address_above_the_limit_is_refused(client):
    for address in ("/missing?x=" + "y" * 8_200, "/" + "x" * 8_200):
        _assert_error(await client.get(address), 414, "URL_TOO_LONG", retryable=False)
    assert (await client.get("/missing?x=" + "y" * 8_000)).status_code == 404


async def test_too_many_or_too_large_headers_are_refused(client):
    many = {f"X-Field-{number}": "x" for number in range(101)}
    large = {"Cookie": "session=" + "x" * 33_000}
    for headers in (many, large):
        answer = await client.get("/missing", headers=headers)
        _assert_error(answer, 431, "HEADERS_TOO_LARGE", retryable=False)
    ordinary = {"Cookie": "session=" + "x" * 8_000}
    assert (await client.get("/missing", headers=ordinary)).status_code == 404


async def test_a_head_that_no_server_takes_is_answered_and_the_server_lives_on():
    app = create_web_app("test", [_router()], ready_checks={})
    endless = b"GET /missing HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 3_000_000
    async with serving(app) as url:
        port = int(url.rpartition(":")[2])
        assert b" 431 " in await _first_line(port, endless + b"\r\n\r\n")
        assert b" 414 " in await _first_line(
            port, b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert b" 400 " in await _first_line(port, b"GET /missing NONSENSE\r\n\r\n")
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
            assert (await http.get("/health/live")).status_code == 200


async def _first_line(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


async def test_a_request_id_from_inside_is_kept_when_well_formed(client):
    kept = await client.get("/missing", headers={"X-Request-Id": "abc-DEF_0123"})
    assert kept.headers["X-Request-Id"] == "abc-DEF_0123"
    replaced = await client.get("/missing", headers={"X-Request-Id": "a b\tc{}"})
    assert replaced.headers["X-Request-Id"] != "a b\tc{}"


async def test_a_public_server_makes_its_own_request_id_and_logs_the_clients_beside_it():
    router = APIRouter()

    @router.get("/bound")
    async def bound() -> dict[str, str]:
        return structlog.contextvars.get_contextvars()

    app = create_web_app("test", [router], ready_checks={}, is_public=True)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        for given, logged in (("abc-DEF_0123", "abc-DEF_0123"), ("a b\tc{}", None)):
            answer = await http.get("/bound", headers={"X-Request-Id": given})
            assert answer.headers["X-Request-Id"] == answer.json()["request_id"] != given
            assert answer.json().get("client_request_id") == logged


async def test_ready_names_what_is_missing_and_live_does_not_care(client):
    ready = await client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["failures"] == {"database": "DATABASE_CONNECTION_FAILED"}
    assert (await client.get("/health/live")).status_code == 200


def _kinds(kind: type[PlatformError]) -> set[type[PlatformError]]:
    return {kind}.union(*(_kinds(child) for child in kind.__subclasses__()))


def test_every_error_that_a_caller_can_see_is_in_the_catalogue():
    """The ingestor's own errors end in a pull's report, not in an answer."""
    shown = ("libs.common.", "services.gateway.", "services.oauth.", "services.analytics.")
    codes = {kind.code for kind in _kinds(PlatformError) if kind.__module__.startswith(shown)}
    assert codes - {"CONFIGURATION_INVALID"} <= set(STATUS_BY_CODE)


async def test_a_worker_that_misses_its_end_is_told_again():
    told = 0

    async def deaf_once() -> None:
        nonlocal told
        while told < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told += 1

    worker = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await end([worker], ask_again_after=0.01)

    assert told == 2
    assert worker.done()
