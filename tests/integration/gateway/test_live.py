"""A page that is open is told the figures at once and after each change, while its user is in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import httpx
import pytest
from pydantic import SecretStr

from libs.common.events.contracts import PullProgressed, StoreChanged
from libs.common.messaging.consumer import listen_to_hints
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import HINTS
from tests.brokers import Broker
from tests.http_servers import serving
from tests.integration.analytics.shop_facts import Order, Shop
from tests.integration.gateway.platform import Platform, code_of

DAY = date(2026, 5, 5)
_PATIENCE_SECONDS = 60


class Events:
    """Reads a stream as a browser does."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self, kind: str = "summary") -> dict[str, str]:
        """The next event of `kind`, whatever comes before it."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields.get("event") == kind:
                    return fields
                else:
                    fields = {}
        raise EOFError

    async def has_ended(self) -> bool:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for _line in self._lines:
                pass
        return True


@asynccontextmanager
async def watching(url: str, browser: httpx.AsyncClient, **headers: str) -> AsyncIterator[Events]:
    cookie = {"Cookie": f"session={browser.cookies['session']}"}
    async with (
        httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False) as client,
        client.stream("GET", f"{url}/api/live", headers=cookie | headers) as answer,
    ):
        yield Events(answer)


@pytest.fixture
async def served(platform: Platform) -> AsyncIterator[str]:
    async with serving(platform.app) as url:
        yield url
        platform.parts.live.close()


async def _shop_with_sales(platform: Platform) -> tuple[Shop, httpx.AsyncClient]:
    shop = await platform.new_shop()
    shop.orders = [Order(1, DAY, Decimal(10))]
    await shop.write(version=1)
    return shop, await platform.new_owner(shop, "ada")


async def _sell(shop: Shop, version: int) -> bytes:
    shop.orders.append(Order(version, DAY, Decimal(5)))
    await shop.write(version=version)
    return StoreChanged(tenant_id=shop.tenant_id, data_version=version).to_json()


async def test_the_summary_comes_at_once_with_the_data_version_as_its_id(
    platform: Platform, served: str
):
    _, browser = await _shop_with_sales(platform)

    async with watching(served, browser) as events:
        assert events.answer.headers["Content-Type"].startswith("text/event-stream")
        assert events.answer.headers["Cache-Control"] == "no-store"
        assert "Content-Encoding" not in events.answer.headers
        event = await events.next()

    assert event["id"] == "1"
    assert json.loads(event["data"]) == (await browser.get("/api/analytics/summary")).json()


async def test_a_change_reaches_the_page_by_way_of_the_broker(
    platform: Platform, served: str, broker: Broker
):
    shop, browser = await _shop_with_sales(platform)
    url = SecretStr(broker.url_for("gateway"))
    listening = asyncio.create_task(listen_to_hints(url, "live", platform.parts.live.take_hint))

    async with (
        Publisher(SecretStr(broker.url_for("ingestor")), "ingestor") as ingestor,
        watching(served, browser) as events,
    ):
        assert (await events.next())["id"] == "1"
        pull = PullProgressed(tenant_id=shop.tenant_id, pull={"state": "running", "entities": []})
        progress = asyncio.create_task(events.next("pull"))
        while not progress.done():  # the listener may not be there for the first one
            await ingestor.publish_transient(HINTS, PullProgressed.TYPE, pull.to_json())
            await asyncio.sleep(0.2)
        assert json.loads((await progress)["data"])["state"] == "running"
        hint = await _sell(shop, version=2)
        await ingestor.publish_transient(HINTS, StoreChanged.TYPE, hint)
        event = await events.next()

    assert event["id"] == "2"
    assert json.loads(event["data"])["totalRevenue"] == "15.00"
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_change_reaches_the_page_without_any_hint(platform: Platform, served: str):
    shop, browser = await _shop_with_sales(platform)

    async with watching(served, browser) as events:
        assert (await events.next())["id"] == "1"
        await _sell(shop, version=2)
        assert (await events.next())["id"] == "2"


async def test_what_a_page_has_seen_is_not_sent_again(platform: Platform, served: str):
    shop, browser = await _shop_with_sales(platform)

    async with watching(served, browser, **{"Last-Event-ID": "1"}) as events:
        hint = await _sell(shop, version=2)
        await platform.parts.live.take_hint(StoreChanged.TYPE, hint)
        assert (await events.next())["id"] == "2"


async def test_another_tenants_change_is_nobody_elses_event(platform: Platform, served: str):
    shop, browser = await _shop_with_sales(platform)
    other = await platform.new_shop()
    pull = {"state": "running", "of": "other"}

    async with watching(served, browser) as events:
        await events.next()
        foreign = PullProgressed(tenant_id=other.tenant_id, pull=pull)
        own = PullProgressed(tenant_id=shop.tenant_id, pull={**pull, "of": "own"})
        for hint in (foreign, own):
            await platform.parts.live.take_hint(PullProgressed.TYPE, hint.to_json())
        assert json.loads((await events.next("pull"))["data"])["of"] == "own"


async def test_the_stream_ends_with_the_session(platform: Platform, served: str):
    _, browser = await _shop_with_sales(platform)
    await platform.execute("UPDATE identity.sessions SET expires_at = now() + interval '3 seconds'")

    async with watching(served, browser) as events:
        assert (await events.next())["id"] == "1"
        assert await events.has_ended()
    assert code_of(await browser.get("/api/live")) == (401, "AUTH_SESSION_EXPIRED")


async def test_the_stream_ends_after_signing_out(platform: Platform, served: str):
    _, browser = await _shop_with_sales(platform)

    async with watching(served, browser) as events:
        assert (await events.next())["id"] == "1"
        await browser.post("/api/auth/logout")
        assert await events.has_ended()


async def test_open_streams_do_not_hold_up_the_end_of_the_process(platform: Platform, served: str):
    _, browser = await _shop_with_sales(platform)

    async with watching(served, browser) as events:
        assert (await events.next())["id"] == "1"
        platform.parts.live.close()
        assert await events.has_ended()
    assert code_of(await browser.get("/api/live")) == (503, "TEMPORARILY_UNAVAILABLE")


async def test_a_page_that_is_closed_is_forgotten(platform: Platform, served: str):
    shop, browser = await _shop_with_sales(platform)

    async with watching(served, browser) as events:
        await events.next()
        assert platform.parts.live.watchers(shop.tenant_id) == 1
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while platform.parts.live.watchers(shop.tenant_id):
            await asyncio.sleep(0.05)
