"""What all clients of a process hold together is bounded, and is given back whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from libs.common.web.limits import STALL_SECONDS
from tests.http_servers import serving
from tests.integration.web.echo import CHUNKED, GET, KILO, POST, answer_to, assert_refused, peers
from tests.integration.web.sockets import connected, status_of


async def test_bytes_of_all_bodies_are_bounded_and_given_back(port: int):
    half = POST % (b"a", 60_000) + b"x" * 45_000
    async with peers(port, 3) as [first, second, third]:
        await first.send(half)
        await second.send(half)
        await assert_refused(second, 503, "TEMPORARILY_UNAVAILABLE")
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
        await assert_refused(peer, 503, "TEMPORARILY_UNAVAILABLE")


@pytest.mark.parametrize("end", ["lost", "late", "crash", "malformed"])
async def test_what_a_request_held_is_given_back_however_it_ends(port: int, end: str):
    for _ in range(3):
        async with connected(port) as peer:
            match end:
                case "lost":
                    await peer.send(POST % (b"a", 60_000) + b"x" * 40_000)
                case "late":
                    await peer.send(POST % (b"a", 60_000) + b"x" * 40_000)
                    await assert_refused(peer, 408, "REQUEST_TIMEOUT")
                case "crash":
                    await peer.send(POST % (b"crash", 60_000) + b"x" * 60_000)
                    assert (await peer.answer()).status == 500
                case "malformed":
                    await peer.send(CHUNKED + b"c000\r\n" + b"x" * 0xC000 + b"nonsense")
                    await assert_refused(peer, 400, "REQUEST_MALFORMED")
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
    async with peers(port, 4) as others:
        for peer in others:
            await peer.send(GET % b"a")
            assert (await peer.answer()).status == 200
        status, _ = await answer_to(port, GET % b"new")
        assert status == 200
        assert await others[0].rest() == b""
        await others[3].send(GET % b"still")
        assert (await others[3].answer()).status == 200


async def test_connection_beyond_the_limit_is_refused_while_none_is_idle(port: int):
    async with peers(port, 4) as others:
        for peer in others:
            await peer.send(GET % b"stream")
            await peer.reader.readuntil(b"tick")
        async with connected(port) as extra:
            received = await extra.rest()
            assert status_of(received) == 503
            assert b"retry-after" in received
        for peer in others:
            await peer.reader.readuntil(b"0\r\n\r\n")
    status, _ = await answer_to(port, GET % b"after")
    assert status == 200


async def test_client_that_asks_on_and_never_reads_is_cut_off(port: int):
    async with connected(port) as peer:
        peer.writer.transport.pause_reading()
        flood = asyncio.create_task(peer.send((GET % b"a") * 2_000_000))
        async with asyncio.timeout(60):
            await flood
        assert peer.writer.is_closing()
    status, _ = await answer_to(port, GET % b"after")
    assert status == 200


async def test_silent_connection_is_closed(port: int):
    async with connected(port) as peer:
        assert await peer.rest() == b""


MEGA = 1024 * KILO


@asynccontextmanager
async def _large_answers() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port where every answer has 64 MiB, and what is set when one has ended."""
    ended = asyncio.Event()

    async def large(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        length = (b"content-length", str(64 * MEGA).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        for left in reversed(range(64)):
            body = b"x" * MEGA
            await send({"type": "http.response.body", "body": body, "more_body": left > 0})
        ended.set()

    async with serving(large) as url:
        yield int(url.rpartition(":")[2]), ended


async def test_answer_that_nobody_reads_is_given_up():
    async with _large_answers() as (port, ended), connected(port) as peer:
        peer.writer.transport.pause_reading()
        await peer.send(GET % b"a")
        async with asyncio.timeout(60):
            await ended.wait()
        peer.writer.transport.resume_reading()
        assert len(await peer.rest()) < 64 * MEGA


async def test_answer_that_is_read_slowly_goes_on():
    async with _large_answers() as (port, ended), connected(port) as peer:
        await peer.send(GET % b"a")
        until = asyncio.get_running_loop().time() + 2.5 * STALL_SECONDS
        while asyncio.get_running_loop().time() < until:
            assert len(await peer.reader.readexactly(64 * KILO)) == 64 * KILO
            await asyncio.sleep(0.25)
        assert not ended.is_set()
