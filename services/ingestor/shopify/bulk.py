"""Bulk operations: start one, wait for it, fetch its file whole.

A file counts as whole only when it has as many lines as Shopify counted objects.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_exponential_jitter

from libs.common.errors import ShopifyRequestError, ShopifyUnavailableError
from libs.common.logs import get_logger
from services.ingestor.shopify import queries
from services.ingestor.shopify.errors import (
    AnswerUnreadableError,
    ExportBrokenOffError,
    ExportExpiredError,
    ExportFailedError,
    ExportRefusedError,
)
from services.ingestor.shopify.graphql import ShopifyClient

EXPORTS_AT_ONCE = 5
"""As many bulk queries Shopify runs at once for one app in one shop (since 2026-01)."""

_LONGEST_PAUSE_SECONDS = 60.0
_PAUSE_GROWTH = 1.4
_STUCK_AFTER_SECONDS = 3600
_DOWNLOAD_TRIES = 5
_CHUNK_BYTES = 256 * 1024
_TAIL_BYTES = 64 * 1024
_LONGEST_LINE_BYTES = 16 * 1024 * 1024
_DOWNLOAD_WAIT = wait_exponential_jitter(initial=1, exp_base=2, max=32, jitter=1)
_BUSY = {"OPERATION_IN_PROGRESS", "LIMIT_REACHED"}
_RUNNING = {"CREATED", "RUNNING", "CANCELING"}
_GONE = {400, 403, 404, 410}

log = get_logger()


class BulkOperation(msgspec.Struct, frozen=True, rename="camel"):
    """`created_at` is the moment the file shows. `url` is None when there were no objects."""

    id: str
    status: str
    created_at: datetime
    object_count: int = 0
    root_object_count: int = 0
    file_size: int | None = None
    error_code: str | None = None
    url: str | None = None
    partial_data_url: str | None = None


async def start(client: ShopifyClient, query: str) -> str:
    """The id of a new operation. Raises ExportRefusedError while too many run already."""
    answer = await client.ask(queries.START_BULK, {"query": query})
    payload = answer.data.get("bulkOperationRunQuery") or {}
    for error in payload.get("userErrors") or []:
        if error.get("code") in _BUSY:
            raise ExportRefusedError("Other exports of this shop are still running.")
        raise ShopifyRequestError(
            "Shopify refused the export.", reason=error.get("code"), answer=error.get("message")
        )
    try:
        return str(payload["bulkOperation"]["id"])
    except (KeyError, TypeError) as error:
        raise AnswerUnreadableError("Shopify did not name the export.") from error


async def wait_until_done(
    client: ShopifyClient, operation_id: str, ended: asyncio.Event, *, first_pause_seconds: float
) -> BulkOperation:
    """The operation once it is completed, looked at with growing pauses, and when `ended` is set.

    Raises ExportFailedError when Shopify ended it, or when it counted nothing more for an hour;
    ExportBrokenOffError where Shopify then gives what it had.
    """
    clock = asyncio.get_running_loop().time
    pause, counted, moved_at = first_pause_seconds, -1, clock()
    while (operation := await look_up(client, operation_id)).status in _RUNNING:
        if operation.object_count != counted:
            counted, moved_at = operation.object_count, clock()
        if clock() - moved_at > _STUCK_AFTER_SECONDS:
            await cancel(client, operation_id)
            raise ExportFailedError("Shopify's export stands still.")
        if await _is_set_within(pause, ended):
            # Shopify may say so a moment before its API does.
            pause = first_pause_seconds
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
    if operation.status == "COMPLETED":
        return operation
    if operation.error_code == "ACCESS_DENIED":
        raise ShopifyRequestError("Shopify denies access to these data.", reason="ACCESS_DENIED")
    status, reason = operation.status, operation.error_code
    if (url := operation.partial_data_url) is None:
        raise ExportFailedError("Shopify ended the export.", status=status, reason=reason)
    raise ExportBrokenOffError(
        "Shopify broke the export off.",
        url=url,
        snapshot_at=operation.created_at,
        status=status,
        reason=reason,
    )


async def _is_set_within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True


async def cancel(client: ShopifyClient, operation_id: str) -> None:
    """Nothing happens to one that has ended."""
    await client.ask(queries.CANCEL_BULK, {"id": operation_id})


async def look_up(client: ShopifyClient, operation_id: str) -> BulkOperation:
    """The operation as it is now. Raises ExportExpiredError when Shopify knows it no longer."""
    answer = await client.ask(queries.BULK_OPERATION, {"id": operation_id})
    found: Any = answer.data.get("bulkOperation")
    if found is None:
        raise ExportExpiredError("Shopify no longer has the export.")
    try:
        return msgspec.convert(found, BulkOperation, strict=False)
    except msgspec.ValidationError as error:
        raise AnswerUnreadableError("Shopify's export has an unknown shape.") from error


async def download(
    http: httpx.AsyncClient,
    operation: BulkOperation,
    target: Path,
    *,
    retry_wait: wait_base = _DOWNLOAD_WAIT,
) -> None:
    """Write the operation's file to `target`, in bounded memory, without the access token.

    Raises ExportExpiredError when the link is dead, ExportFailedError when the file does not
    have one whole line for each object, ShopifyUnavailableError after five tries.
    """
    if operation.url is None:
        _opened(target).close()
        lines = 0
    else:
        lines = await _retrying(retry_wait)(_fetch, http, operation.url, target)
    if lines != operation.object_count or not _ends_whole(target):
        raise ExportFailedError(
            "Shopify's export is not whole.", lines=lines, objects=operation.object_count
        )


async def download_part(http: httpx.AsyncClient, url: str, target: Path) -> None:
    """Write to `target` what there is of an export that was broken off, in whole lines.

    Raises ExportExpiredError when the link is dead, ShopifyUnavailableError after five tries.
    """
    await _retrying(_DOWNLOAD_WAIT)(_fetch, http, url, target)
    with target.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST_LINE_BYTES))
        rest = len(file.read().rpartition(b"\n")[2])
        file.truncate(size - rest)


def _retrying(wait: wait_base) -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(ShopifyUnavailableError),
        wait=wait,
        stop=stop_after_attempt(_DOWNLOAD_TRIES),
        reraise=True,
    )


def _ends_whole(file: Path) -> bool:
    """Whether the last line has its end or is a whole object without it: the count cannot tell."""
    with file.open("rb") as lines:
        end = lines.seek(0, os.SEEK_END)
        tail = b""
        while end and b"\n" not in tail:
            size = min(end, _TAIL_BYTES)
            end = lines.seek(end - size)
            tail = lines.read(size) + tail
    last = tail.rpartition(b"\n")[2]
    try:
        return not last or isinstance(msgspec.json.decode(last), dict)
    except msgspec.DecodeError:
        return False


async def _fetch(http: httpx.AsyncClient, url: str, target: Path) -> int:
    try:
        async with http.stream("GET", url) as response:
            if response.status_code in _GONE:
                raise ExportExpiredError("The link to Shopify's export is dead.")
            if response.status_code != httpx.codes.OK:
                raise ShopifyUnavailableError("The export's storage failed.")
            return await _write_lines(response.aiter_bytes(_CHUNK_BYTES), target)
    except httpx.TransportError as error:
        raise ShopifyUnavailableError("The export's storage does not answer.") from error


async def _write_lines(chunks: AsyncIterator[bytes], target: Path) -> int:
    """How many lines were written; a last one without its end counts."""
    lines, last = 0, b"\n"
    with _opened(target) as file:
        async for chunk in chunks:
            file.write(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines if last == b"\n" else lines + 1


def _opened(target: Path) -> BinaryIO:
    # A write here goes to the page cache: no wait that is worth a thread.
    return target.open("wb")
