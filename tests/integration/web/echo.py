"""An app that answers with what it was asked, behind narrow limits, and how a test asks it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from libs.common.web.limits import HttpLimits
from tests.integration.web.sockets import Peer, connected

KILO = 1024
LIMITS = HttpLimits(
    head_seconds=1.0,
    body_seconds=2.0,
    body_grace_seconds=1.0,
    free_bytes=8 * KILO,
    shared_bytes=64 * KILO,
    max_connections=4,
)
GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked; `/early` before the body, `/crash` never."""
    if scope["type"] != "http":
        return
    path, body = scope["path"], b""
    more = path != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    if path == "/crash":
        raise RuntimeError("as an app may")
    if path == "/stream":
        await _stream(send)
        return
    names = [name.decode() for name, _ in scope["headers"]]
    content = json.dumps({"path": path, "size": len(body), "names": names}).encode()
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": content})


async def _stream(send: Send) -> None:
    """Longer than every deadline."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(8):
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"tick", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def peers(port: int, number: int) -> AsyncIterator[list[Peer]]:
    async with asyncio.timeout(60):
        entered = [connected(port) for _ in range(number)]
        try:
            yield [await one.__aenter__() for one in entered]
        finally:
            for one in entered:
                await one.__aexit__(None, None, None)


async def answer_to(port: int, request: bytes) -> tuple[int, dict]:
    async with connected(port) as peer:
        await peer.send(request)
        answer = await peer.answer()
        return answer.status, json.loads(answer.body)


async def assert_refused(peer: Peer, status: int, code: str) -> None:
    """In the shape of every error, with an id, and the connection is closed."""
    answer = await peer.answer()
    content = json.loads(answer.body)
    assert (answer.status, answer.code) == (status, code)
    assert content["requestId"] == answer.headers["x-request-id"]
    assert set(content) == {"error", "requestId", "timestamp"}
    assert answer.headers["connection"] == "close"
    assert await peer.rest() == b""
