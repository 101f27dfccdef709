"""An export is looked at with pauses that grow, at once when it is said to have ended, and not for
ever when it stands still.
"""

import asyncio
from typing import Any

import httpx
import pytest

from services.ingestor.shopify import queries
from services.ingestor.shopify.bulk import wait_until_done
from services.ingestor.shopify.errors import (
    ExportBrokenOffError,
    ExportExpiredError,
    ExportFailedError,
)
from tests.unit.ingestor.leaping_time import in_leaping_time
from tests.unit.ingestor.shops import Shopify, connect

ID = "gid://shopify/BulkOperation/1"


def _operation(status: str, **values: Any) -> httpx.Response:
    created = {"id": ID, "createdAt": "2026-11-25T10:00:00Z", "objectCount": "7"}
    return httpx.Response(
        200, json={"data": {"bulkOperation": {**created, "status": status, **values}}}
    )


async def _wait(shopify: Shopify, ended: asyncio.Event | None = None) -> str:
    client = connect(shopify)
    event = ended or asyncio.Event()
    return (await wait_until_done(client, ID, event, first_pause_seconds=0.2)).status


@in_leaping_time
async def test_without_news_the_pauses_grow_to_a_minute():
    shopify = Shopify(*[_operation("RUNNING")] * 25, _operation("COMPLETED"))
    assert await _wait(shopify) == "COMPLETED"
    assert shopify.pauses[0] == pytest.approx(0.2)
    assert shopify.pauses == sorted(shopify.pauses)
    assert shopify.pauses[-1] == pytest.approx(60)


@in_leaping_time
async def test_news_ends_a_pause_and_what_came_too_early_is_looked_at_soon_again():
    """Shopify says that an export has ended a moment before its API does."""
    running = [_operation("RUNNING")] * 20
    shopify = Shopify(*running, _operation("COMPLETED"))
    ended = asyncio.Event()
    waiting = asyncio.create_task(_wait(shopify, ended))
    while len(shopify.requests) < 19:
        await asyncio.sleep(1)
    ended.set()
    assert await waiting == "COMPLETED"
    *_, long, woken, again = shopify.pauses
    assert woken < long
    assert again < 1


@in_leaping_time
async def test_an_export_that_counts_nothing_more_for_an_hour_is_cancelled():
    shopify = Shopify(_operation("RUNNING"))
    with pytest.raises(ExportFailedError):
        await _wait(shopify)
    assert queries.CANCEL_BULK.split("(")[0].encode()[1:] in shopify.requests[-1].content
    assert 3_600 < shopify.asked_at[-1] < 3_700


@pytest.mark.parametrize("status", ["FAILED", "CANCELED", "EXPIRED"])
@in_leaping_time
async def test_an_export_that_ended_otherwise_failed_and_gives_what_it_had(status: str):
    url = "https://storage.example/part"
    with pytest.raises(ExportBrokenOffError) as broken:
        await _wait(Shopify(_operation(status, errorCode="TIMEOUT", partialDataUrl=url)))
    assert broken.value.url == url
    assert url not in str(broken.value.context)
    with pytest.raises(ExportFailedError) as failed:
        await _wait(Shopify(_operation(status, partialDataUrl=None)))
    assert not isinstance(failed.value, ExportBrokenOffError)


@in_leaping_time
async def test_an_export_that_shopify_no_longer_knows_is_to_be_begun_anew():
    forgotten = httpx.Response(200, json={"data": {"bulkOperation": None}})
    with pytest.raises(ExportExpiredError) as expired:
        await _wait(Shopify(_operation("RUNNING"), forgotten))
    assert expired.value.code == "SHOPIFY_EXPORT_EXPIRED"
