"""A caller trusts the authority it was told of, where TLS stands in front of a service."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from fastapi import APIRouter
from starlette.types import ASGIApp

from libs.common.errors import ServiceUnavailableError
from libs.common.identity import TokenVerifier
from libs.common.web.app import create_web_app
from libs.common.web.callers import HEALTH, CallerGuard, CallersTenant, for_tenant
from libs.common.web.client import ServiceClient
from libs.simulator.tls import server_context
from tests.caller_keys import CallerKeys
from tests.http_servers import serving

KEYS = CallerKeys()


def _app() -> ASGIApp:
    router = APIRouter()

    @router.get("/internal/tenants/{tenant_id}")
    async def read(tenant_id: CallersTenant) -> str:
        return str(tenant_id)

    table = {**HEALTH, "GET /internal/tenants/{tenant_id}": for_tenant("gateway")}
    guard = CallerGuard(TokenVerifier("oauth", KEYS.public), table)
    return create_web_app("test", [router], ready_checks={}, guard=guard)


@asynccontextmanager
async def _behind_tls(context: ssl.SSLContext) -> AsyncIterator[str]:
    """The app with something in front of it that ends TLS, as a sidecar does."""
    async with serving(_app()) as url:
        inside = urlsplit(url)

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            from_app, to_app = await asyncio.open_connection(inside.hostname, inside.port)
            await asyncio.gather(_copy(reader, to_app), _copy(from_app, writer))

        async with await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context) as server:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def _ask(url: str, ca_file: Path | None) -> object:
    client = ServiceClient("oauth", url, KEYS.signer("gateway"), ca_file)
    tenant_id = uuid4()
    try:
        return await client.ask("GET", f"/internal/tenants/{tenant_id}", tenant_id=tenant_id)
    finally:
        await client.close()


async def test_a_certificate_of_the_named_authority_is_trusted_and_no_other(tmp_path: Path):
    ours, others = tmp_path / "ours.pem", tmp_path / "others.pem"
    context = server_context([], ours)
    server_context([], others)

    async with _behind_tls(context) as url:
        assert await _ask(url, ours)
        for ca_file in (others, None):
            with pytest.raises(ServiceUnavailableError):
                await _ask(url, ca_file)
