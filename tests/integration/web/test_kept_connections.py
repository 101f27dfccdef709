"""A failure of one caller costs no other its request, though both use one kept connection."""

import asyncio
import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Request
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from libs.common.errors import ServiceUnavailableError
from libs.common.identity import TokenSigner
from libs.common.web.app import create_web_app
from libs.common.web.client import ServiceClient
from libs.common.web.requests import UnexpectedErrors
from services.webhooks.answers import SAFE_HEADERS
from tests.http_servers import serving


@pytest.fixture
async def url() -> AsyncIterator[str]:
    router = APIRouter()

    @router.get("/fails")
    async def fails() -> None:
        raise KeyError("nobody foresaw it")

    @router.get("/port")
    async def port(request: Request) -> int:
        assert request.client is not None
        return request.client.port

    async with serving(create_web_app("test", [router], ready_checks={})) as url:
        yield url


async def test_an_unexpected_error_leaves_the_connection_to_the_next_caller(url: str):
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=1)) as http:
        before = (await http.get("/port")).json()
        for _ in range(20):
            failed = await http.get("/fails")
            assert failed.status_code == 500
            assert failed.json()["error"]["code"] == "INTERNAL_SERVER_ERROR"
            assert failed.headers["X-Request-Id"] == failed.json()["requestId"]
            assert (await http.get("/port")).json() == before


async def test_the_door_for_shopify_keeps_its_connections_too():
    async def fails(scope: Scope, _receive: Receive, _send: Send) -> None:
        scope["state"]["request_id"] = "the-id"
        raise KeyError("nobody foresaw it")

    async with serving(UnexpectedErrors(fails, SAFE_HEADERS)) as url:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(base_url=url, limits=limits) as http:
            for _ in range(3):
                failed = await http.get("/webhooks")
                assert failed.status_code == 500
                assert failed.headers["X-Request-Id"] == "the-id"
                assert failed.headers["Cache-Control"] == "no-store"
                assert failed.headers.get("Connection") != "close"


class Closing:
    """A server that answers the first request of each connection and closes at the second."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []
        self._serving: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> "Closing":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        await self._note(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await self._note(reader)
        writer.close()

    async def _note(self, reader: asyncio.StreamReader) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        lines = head.split(b"\r\n")
        token = next(line for line in lines if line.lower().startswith(b"authorization:"))
        self.requests.append((lines[0].split()[0], token))


@pytest.fixture
def signer() -> TokenSigner:
    return TokenSigner("gateway", SecretStr(base64.b64encode(bytes(range(32))).decode()))


async def test_a_question_on_a_connection_that_was_closed_is_asked_once_more_signed_anew(
    signer: TokenSigner,
):
    async with Closing() as server:
        client = ServiceClient("analytics", server.url, signer)
        for _ in range(3):
            assert (await client.send("GET", "/numbers")).status_code == 200
        await client.close()
    assert len(server.requests) == 5
    assert len({token for _, token in server.requests}) == 5


async def test_an_order_on_a_connection_that_was_closed_is_given_once_alone(signer: TokenSigner):
    async with Closing() as server:
        client = ServiceClient("oauth", server.url, signer)
        await client.send("POST", "/erasures", json={})
        with pytest.raises(ServiceUnavailableError):
            await client.send("POST", "/erasures", json={})
        await client.close()
    assert len(server.requests) == 2
