"""Runs bulk operations: five at once for a shop, written to a file by a thread, served by a
signed address that needs no token."""

import asyncio
import hashlib
import hmac
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from libs.simulator.breakage import cut_in_a_line, first_half, shuffled
from libs.simulator.bulk_query import BulkError, BulkQuery, read_bulk_query
from libs.simulator.bulk_rows import Line, lines, snapshot, unsupported
from libs.simulator.context import Context
from libs.simulator.numbers import global_id
from libs.simulator.operations import Operation
from libs.simulator.search import SearchError
from libs.simulator.shops import Shop
from libs.simulator.times import now_seconds, rest_time
from libs.simulator.webhooks import WebhookSender

MOST_AT_ONCE = 5
_URL_SECONDS = 7 * 86_400
_BATCH_LINES = 2_000

__all__ = ["BulkError", "BulkRunner", "LinkError"]


class LinkError(Exception):
    """The storage's answer to an address that gives no file."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class BulkRunner:
    def __init__(self, folder: Path, sender: WebhookSender) -> None:
        self._folder = folder
        self._sender = sender
        self._secret = _kept_secret(folder)
        self._hanging: dict[int, asyncio.Event] = {}
        # Threads share one interpreter: five files at once would all be late, and answers too.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, context: Context, text: str, *, group_objects: bool) -> Operation:
        """Raises BulkError; otherwise the operation is CREATED and its snapshot taken."""
        shop = context.shop
        running = shop.operations.running()
        if len(running) >= (shop.faults.bulk_at_once or MOST_AT_ONCE):
            ids = ", ".join(global_id("BulkOperation", operation.id) for operation in running)
            raise BulkError(
                f"A bulk query operation for this app and shop is already in progress: {ids}",
                "OPERATION_IN_PROGRESS",
            )
        query = read_bulk_query(text)
        for root in query.roots:
            if (name := unsupported(root)) is not None:
                raise BulkError(f"The simulator has no bulk data for {name} there.")
        try:
            snapshots = [snapshot(context, root) for root in query.roots]
        except SearchError as error:
            raise BulkError(f"Invalid bulk query: {error}") from error
        operation = Operation(shop.numbers.next(), text, group_objects, now_seconds())
        shop.operations.keep(operation)
        task = asyncio.create_task(self._run(context, operation, query, snapshots))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return operation

    def cancel(self, shop: Shop, operation: Operation) -> None:
        if operation.completed_at is not None:
            raise BulkError(
                f"A bulk operation cannot be canceled when it is {operation.status.lower()}"
            )
        operation.status = "CANCELING"
        shop.operations.keep(operation)
        if (hanging := self._hanging.get(operation.id)) is not None:
            hanging.set()

    async def _run(
        self,
        context: Context,
        operation: Operation,
        query: BulkQuery,
        snapshots: list[Iterable[Any]],
    ) -> None:
        shop, faults = context.shop, context.shop.faults
        missing = [scope for scope in query.scopes if not context.may(scope)]
        await asyncio.sleep(faults.bulk_delay)
        if operation.status == "CREATED":
            operation.status = "RUNNING"
        breaks = faults.takes_one("bulk_breaks")
        if faults.bulk_hangs and not breaks:
            await self._until_cancelled(operation)
        if missing:
            self._finish(shop, operation, "FAILED", "ACCESS_DENIED")
            return
        found = lines(context, query, snapshots, grouped=operation.group_objects)
        if breaks:
            found = first_half(found)
        began = asyncio.get_running_loop().time()
        async with self._turns[shop.domain]:
            await asyncio.to_thread(self._write, shop, operation, found)
        if faults.bulk_pace:
            due = began + operation.object_count / faults.bulk_pace
            await self._until_cancelled(operation, due - asyncio.get_running_loop().time())
        if operation.status == "CANCELING":
            self._finish(shop, operation, "CANCELED", None)
        elif faults.bulk_fails or breaks:
            self._finish(shop, operation, "FAILED", "INTERNAL_SERVER_ERROR")
        else:
            self._finish(shop, operation, "COMPLETED", None)

    async def _until_cancelled(self, operation: Operation, seconds: float | None = None) -> None:
        """Or until so many seconds have passed."""
        if operation.status == "RUNNING":
            hanging = self._hanging[operation.id] = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await hanging.wait()

    def _write(self, shop: Shop, operation: Operation, found: Iterator[Line]) -> None:
        """`object_count` counts what there was, also what the fault `bulkDropsLines` left out."""
        faults, size = shop.faults, 0
        if faults.bulk_shuffles:
            found = iter(shuffled(found, shop.dice))
        path = self._path(operation)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while batch := list(islice(found, _BATCH_LINES)):
                dropped = max(0, faults.bulk_drops_lines - operation.object_count)
                content = b"".join([text for text, _ in batch[dropped:]])
                size += file.write(content)
                operation.object_count += len(batch)
                operation.root_object_count += sum([is_root for _, is_root in batch])
                if operation.status == "CANCELING":
                    break
        if faults.bulk_cuts_file:
            cut_in_a_line(path)
        operation.object_count += faults.bulk_miscounts
        operation.file_size = size
        operation.has_file = size > 0

    def _finish(self, shop: Shop, operation: Operation, status: str, error: str | None) -> None:
        operation.status = status
        operation.error_code = error
        operation.completed_at = now_seconds()
        shop.operations.keep(operation)
        self._sender.announce(
            shop, [("bulk_operations/finish", lambda: _finish_body(shop, operation))]
        )

    def _path(self, operation: Operation) -> Path:
        return self._folder / f"{operation.id}.jsonl"

    def url(self, context: Context, operation: Operation, *, partial: bool) -> str | None:
        completed = operation.status == "COMPLETED"
        ended = operation.completed_at is not None
        if not operation.has_file or not ended or completed is partial:
            return None
        seconds = context.shop.faults.bulk_url_seconds
        expires = now_seconds() + (_URL_SECONDS if seconds is None else seconds)
        name = f"bulk-{operation.id}.jsonl"
        query = {
            "expires": expires,
            "signature": self._signature(operation.id, expires),
            "response-content-disposition": (
                f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
            ),
            "response-content-type": "application/jsonl",
        }
        return f"{context.address.base_url}/_bulk/{operation.id}/{name}?{urlencode(query)}"

    def file(self, number: str, expires: str, signature: str) -> Path:
        """The file a signed address means. Raises LinkError when it is forged, too old or gone."""
        if not (number.isdecimal() and expires.isdecimal()):
            raise LinkError("SignatureDoesNotMatch", 403)
        known = self._signature(int(number), int(expires))
        if not hmac.compare_digest(known.encode(), signature.encode()):
            raise LinkError("SignatureDoesNotMatch", 403)
        if int(expires) <= now_seconds():
            raise LinkError("ExpiredToken", 400)
        path = self._folder / f"{int(number)}.jsonl"
        if not path.is_file():
            raise LinkError("NoSuchKey", 404)
        return path

    def _signature(self, number: int, expires: int) -> str:
        return hmac.new(self._secret, f"{number}.{expires}".encode(), hashlib.sha256).hexdigest()


def _finish_body(shop: Shop, operation: Operation) -> dict[str, Any]:
    error = operation.error_code
    return {
        "admin_graphql_api_id": global_id("BulkOperation", operation.id),
        "completed_at": rest_time(operation.completed_at or 0, shop.zone),
        "created_at": rest_time(operation.created_at, shop.zone),
        "error_code": None if error is None else error.lower(),
        "status": operation.status.lower(),
        "type": "query",
    }


def _kept_secret(folder: Path) -> bytes:
    """Addresses stay valid over a restart."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "signing.key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, secrets.token_bytes(32))
        os.close(descriptor)
    return path.read_bytes()
