"""Large answers of the API are packed once; streams and files are not touched."""

import gzip
import json
from datetime import date, timedelta
from decimal import Decimal

import httpx

from tests.http_servers import serving
from tests.integration.analytics.shop_facts import Order
from tests.integration.gateway.platform import Platform

DAY = date(2026, 5, 5)
_TAKES_GZIP = {"Accept-Encoding": "gzip"}


async def _browser_with_sales(platform: Platform) -> httpx.AsyncClient:
    shop = await platform.new_shop()
    shop.orders = [
        Order(number, DAY + timedelta(days=number), Decimal(5)) for number in range(1, 60)
    ]
    await shop.write(version=3)
    return await platform.new_owner(shop, "ada")


async def test_a_large_answer_is_packed_once_for_who_takes_it(platform: Platform):
    browser = await _browser_with_sales(platform)
    question = f"/api/analytics/orders?from={DAY}&to={DAY + timedelta(days=59)}"

    plain = await browser.get(question, headers={"Accept-Encoding": "identity"})
    async with browser.stream("GET", question, headers=_TAKES_GZIP) as packed:
        raw = b"".join([part async for part in packed.aiter_raw()])

    assert len(plain.content) > 1024
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) == len(raw) < len(plain.content)
    assert json.loads(gzip.decompress(raw)) == plain.json()


async def test_a_small_answer_and_a_packed_file_stay_as_they_are(platform: Platform):
    browser = await _browser_with_sales(platform)

    small = await browser.get("/api/auth/session", headers=_TAKES_GZIP)
    file = await browser.get("/", headers=_TAKES_GZIP | {"Accept": "text/html"})
    async with browser.stream(
        "GET", "/assets/index-3f2a.js", headers={"Accept-Encoding": "gzip, br"}
    ) as built:
        raw = b"".join([part async for part in built.aiter_raw()])

    assert "Content-Encoding" not in small.headers
    assert "Content-Encoding" not in file.headers
    assert (built.headers["Content-Encoding"], raw) == ("br", b"packed")


async def test_the_live_stream_is_never_packed(platform: Platform):
    browser = await _browser_with_sales(platform)
    headers = _TAKES_GZIP | {"Cookie": f"session={browser.cookies['session']}"}

    async with (
        serving(platform.app) as url,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream("GET", f"{url}/api/live", headers=headers) as live,
    ):
        first = await anext(live.aiter_raw())

    assert "Content-Encoding" not in live.headers
    assert first.startswith(b"retry: ")
