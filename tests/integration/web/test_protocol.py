"""A server reads one request after the other, within bounds of size and time, and says why not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from libs.common.web.limits import HttpLimits
from tests.http_servers import serving
from tests.integration.web.sockets import Peer, connected, status_of

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


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
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


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(_app, limits=LIMITS) as url:
        yield int(url.rpartition(":")[2])


@asynccontextmanager
async def _peers(port: int, number: int) -> AsyncIterator[list[Peer]]:
    async with asyncio.timeout(60):
        entered = [connected(port) for _ in range(number)]
        try:
            yield [await one.__aenter__() for one in entered]
        finally:
            for one in entered:
                await one.__aexit__(None, None, None)


async def _answer(port: int, request: bytes) -> tuple[int, dict]:
    async with connected(port) as peer:
        await peer.send(request)
        answer = await peer.answer()
        return answer.status, json.loads(answer.body)


async def _assert_refused(peer: Peer, status: int, code: str) -> None:
    """In the shape of every error, with an id, and the connection is closed."""
    answer = await peer.answer()
    content = json.loads(answer.body)
    assert (answer.status, answer.code) == (status, code)
    assert content["requestId"] == answer.headers["x-request-id"]
    assert set(content) == {"error", "requestId", "timestamp"}
    assert answer.headers["connection"] == "close"
    assert await peer.rest() == b""


async def test_requests_on_one_connection_are_answered_in_order(port: int):
    async with connected(port) as peer:
        await peer.send(b"\r\n" + GET % b"a" + POST % (b"b", 3) + b"xyz" + GET % b"c")
        answers = [json.loads((await peer.answer()).body) for _ in range(3)]
        assert [(one["path"], one["size"]) for one in answers] == [("/a", 0), ("/b", 3), ("/c", 0)]
        await peer.drip(GET % b"d", every_seconds=0)
        assert json.loads((await peer.answer()).body)["path"] == "/d"


async def test_idle_connection_outlives_the_deadlines_of_requests(port: int):
    async with connected(port) as peer:
        for path in (b"a", b"b"):
            await peer.send(GET % path)
            assert (await peer.answer()).status == 200
            await asyncio.sleep(2 * LIMITS.head_seconds)


async def test_stream_of_answers_is_not_cut_by_any_deadline(port: int):
    async with connected(port) as peer:
        await peer.send(GET.replace(b"Host: x", b"Host: x\r\nConnection: close") % b"stream")
        received = await peer.rest()
        assert received.count(b"tick") == 8
        assert received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "beginning",
    [b"G", b"GET /a HTTP/1.1\r\nHost: x\r\nA: ", b"\r\n"],
)
async def test_head_without_end_is_refused_in_time(port: int, beginning: bytes):
    async with connected(port) as peer:
        drip = asyncio.create_task(peer.drip(beginning + b"X" * 1_000, every_seconds=0.05))
        await _assert_refused(peer, 408, "REQUEST_TIMEOUT")
        await drip


@pytest.mark.parametrize("sent", [0, 200])
async def test_body_below_the_least_rate_is_refused_in_time(port: int, sent: int):
    async with connected(port) as peer:
        await peer.send(POST % (b"a", 20_000) + b"x" * sent)
        await _assert_refused(peer, 408, "REQUEST_TIMEOUT")


async def test_body_at_the_least_rate_is_refused_at_its_deadline(port: int):
    async with connected(port) as peer:
        await peer.send(POST % (b"a", 20_000) + b"x" * 10_000)
        await _assert_refused(peer, 408, "REQUEST_TIMEOUT")


async def test_body_within_its_time_is_taken(port: int):
    async with connected(port) as peer:
        await peer.send(POST % (b"a", 20_000))
        for _ in range(4):
            await asyncio.sleep(0.3)
            await peer.send(b"x" * 5_000)
        assert json.loads((await peer.answer()).body)["size"] == 20_000


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9_000,
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 50_000,
        b"GET /" + b"x" * 50_000,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        CHUNKED + b"1;" + b"x" * 60_000,
        CHUNKED + b"0\r\n" + b"A: b\r\n" * 10_000,
    ],
    ids=["lines", "value", "target", "many fields", "chunk extension", "trailers"],
)
async def test_head_that_is_too_large_is_refused_before_its_end(port: int, head: bytes):
    async with connected(port) as peer:
        await peer.send(head)
        await _assert_refused(peer, 431, "HEADERS_TOO_LARGE")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / NONSENSE\r\n\r\n",
        b"\r\n" * 5,
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n",
        CHUNKED + b"nonsense\r\n",
    ],
)
async def test_request_that_can_be_read_in_no_or_two_ways_is_refused(
    port: int, request_bytes: bytes
):
    async with connected(port) as peer:
        await peer.send(request_bytes)
        await _assert_refused(peer, 400, "REQUEST_MALFORMED")


async def test_http_1_0_needs_no_host(port: int):
    status, content = await _answer(port, b"GET /a HTTP/1.0\r\n\r\n")
    assert (status, content["path"]) == (200, "/a")


async def test_trailers_do_not_become_header_fields(port: int):
    body = b"3;x=y\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n"
    status, content = await _answer(port, CHUNKED + body)
    assert (status, content["size"]) == (200, 3)
    assert content["names"] == ["host", "transfer-encoding"]


async def test_what_follows_a_chunked_body_at_once_ends_the_connection_after_the_answer(port: int):
    async with connected(port) as peer:
        await peer.send(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + GET % b"next")
        answer = await peer.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await peer.rest() == b""


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
async def test_no_other_protocol_is_spoken(port: int, upgrade: bytes):
    asked = b"Host: x\r\nConnection: Upgrade\r\nUpgrade: " + upgrade
    async with connected(port) as peer:
        await peer.send((GET % b"a").replace(b"Host: x", asked) + b"not http")
        answer = await peer.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await peer.rest() == b""


async def test_answer_before_the_body_reaches_a_client_that_goes_on_sending():
    async with serving(_app) as url, connected(int(url.rpartition(":")[2])) as peer:
        await peer.send(POST % (b"early", 8_000_000))
        sending = asyncio.create_task(peer.send(b"x" * 8_000_000))
        answer = await peer.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await peer.rest() == b""
        await sending


async def test_bytes_of_all_bodies_are_bounded_and_given_back(port: int):
    half = POST % (b"a", 60_000) + b"x" * 45_000
    async with _peers(port, 3) as [first, second, third]:
        await first.send(half)
        await second.send(half)
        await _assert_refused(second, 503, "TEMPORARILY_UNAVAILABLE")
        # What fits into a request's own share is taken at any time.
        await third.send(POST % (b"a", 7_000) + b"x" * 7_000)
        assert (await third.answer()).status == 200
        await first.send(b"x" * 15_000)
        assert (await first.answer()).status == 200
    await _assert_room(port)


async def _assert_room(port: int) -> None:
    """All that is shared is there: one more byte is refused."""
    fits = 72 * KILO - len(POST % (b"a", 72 * KILO))
    async with connected(port) as peer:
        await peer.send(POST % (b"a", fits) + b"x" * fits)
        assert (await peer.answer()).status == 200
        await peer.send(POST % (b"a", fits + 1) + b"x" * (fits + 1))
        await _assert_refused(peer, 503, "TEMPORARILY_UNAVAILABLE")


@pytest.mark.parametrize("end", ["lost", "late", "crash", "malformed"])
async def test_what_a_request_held_is_given_back_however_it_ends(port: int, end: str):
    for _ in range(3):
        async with connected(port) as peer:
            match end:
                case "lost":
                    await peer.send(POST % (b"a", 60_000) + b"x" * 40_000)
                case "late":
                    await peer.send(POST % (b"a", 60_000) + b"x" * 40_000)
                    await _assert_refused(peer, 408, "REQUEST_TIMEOUT")
                case "crash":
                    await peer.send(POST % (b"crash", 60_000) + b"x" * 60_000)
                    assert (await peer.answer()).status == 500
                case "malformed":
                    await peer.send(CHUNKED + b"c000\r\n" + b"x" * 0xC000 + b"nonsense")
                    await _assert_refused(peer, 400, "REQUEST_MALFORMED")
    async with asyncio.timeout(10):
        # The server may learn of a lost connection a moment later.
        while not await _has_room(port):
            await asyncio.sleep(0.05)
    await _assert_room(port)


async def _has_room(port: int) -> bool:
    async with connected(port) as peer:
        await peer.send(POST % (b"a", 71_000) + b"x" * 71_000)
        return (await peer.answer()).status == 200


async def test_new_connection_takes_the_place_of_the_one_idle_for_longest(port: int):
    async with _peers(port, 4) as peers:
        for peer in peers:
            await peer.send(GET % b"a")
            assert (await peer.answer()).status == 200
        status, _ = await _answer(port, GET % b"new")
        assert status == 200
        assert await peers[0].rest() == b""
        await peers[3].send(GET % b"still")
        assert (await peers[3].answer()).status == 200


async def test_connection_beyond_the_limit_is_refused_while_none_is_idle(port: int):
    async with _peers(port, 4) as peers:
        for peer in peers:
            await peer.send(GET % b"stream")
            await peer.reader.readuntil(b"tick")
        async with connected(port) as extra:
            received = await extra.rest()
            assert status_of(received) == 503
            assert b"retry-after" in received
        for peer in peers:
            await peer.reader.readuntil(b"0\r\n\r\n")
    status, _ = await _answer(port, GET % b"after")
    assert status == 200


async def test_client_that_asks_on_and_never_reads_is_cut_off(port: int):
    async with connected(port) as peer:
        peer.writer.transport.pause_reading()
        flood = asyncio.create_task(peer.send((GET % b"a") * 2_000_000))
        async with asyncio.timeout(60):
            await flood
        assert peer.writer.is_closing()
    status, _ = await _answer(port, GET % b"after")
    assert status == 200


async def test_silent_connection_is_closed(port: int):
    async with connected(port) as peer:
        assert await peer.rest() == b""
