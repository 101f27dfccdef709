"""A server reads one request after the other, within bounds of size and time, and says why not."""

import asyncio
import json

import pytest

from tests.http_servers import serving
from tests.integration.web.echo import CHUNKED, GET, LIMITS, POST, answer_to, assert_refused, echo
from tests.integration.web.sockets import connected


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
        await assert_refused(peer, 408, "REQUEST_TIMEOUT")
        await drip


@pytest.mark.parametrize("sent", [0, 200])
async def test_body_below_the_least_rate_is_refused_in_time(port: int, sent: int):
    async with connected(port) as peer:
        await peer.send(POST % (b"a", 20_000) + b"x" * sent)
        await assert_refused(peer, 408, "REQUEST_TIMEOUT")


async def test_body_at_the_least_rate_is_refused_at_its_deadline(port: int):
    async with connected(port) as peer:
        await peer.send(POST % (b"a", 20_000) + b"x" * 10_000)
        await assert_refused(peer, 408, "REQUEST_TIMEOUT")


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
        await assert_refused(peer, 431, "HEADERS_TOO_LARGE")


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
        await assert_refused(peer, 400, "REQUEST_MALFORMED")


async def test_http_1_0_needs_no_host(port: int):
    status, content = await answer_to(port, b"GET /a HTTP/1.0\r\n\r\n")
    assert (status, content["path"]) == (200, "/a")


async def test_trailers_do_not_become_header_fields(port: int):
    body = b"3;x=y\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n"
    status, content = await answer_to(port, CHUNKED + body)
    assert (status, content["size"]) == (200, 3)
    assert content["names"] == ["host", "transfer-encoding"]


async def test_what_follows_a_chunked_body_at_once_ends_the_connection_after_theanswer_to(
    port: int,
):
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
    async with serving(echo) as url, connected(int(url.rpartition(":")[2])) as peer:
        await peer.send(POST % (b"early", 8_000_000))
        sending = asyncio.create_task(peer.send(b"x" * 8_000_000))
        answer = await peer.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await peer.rest() == b""
        await sending


async def test_headers_of_the_server_are_on_every_answer():
    async with serving(echo, headers=[("strict-transport-security", "max-age=1")]) as url:
        for request in (GET % b"a", b"NONSENSE\r\n\r\n"):
            async with connected(int(url.rpartition(":")[2])) as peer:
                await peer.send(request)
                assert (await peer.answer()).headers["strict-transport-security"] == "max-age=1"
