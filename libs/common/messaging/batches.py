"""Many deliveries, few messages: what arrives while a confirm is outstanding travels together.

No timer is involved, so a delivery that comes alone leaves at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from libs.common.errors import BrokerUnavailableError, TransientError
from libs.common.logs import get_logger
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import join_records
from libs.common.messaging.topology import DELIVERIES, Lane

_CONFIRM_SECONDS = 1.2
_MAX_BYTES = 256 * 1024
_MAX_IN_FLIGHT = 4

log = get_logger()

SendTogether = Callable[[Sequence[bytes]], Awaitable[None]]
"""Makes all of them durable, or raises a TransientError."""


@dataclass(eq=False, slots=True)
class _Waiting:
    record: bytes
    done: asyncio.Future[None]


class RecordBatcher:
    """Gathers records of concurrent callers into few sends; each caller learns of its own."""

    def __init__(
        self,
        send: SendTogether,
        *,
        timeout_seconds: float = _CONFIRM_SECONDS,
        max_bytes: int = _MAX_BYTES,
        max_in_flight: int = _MAX_IN_FLIGHT,
    ) -> None:
        self._send = send
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._max_in_flight = max_in_flight
        self._waiting: deque[_Waiting] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def add(self, record: bytes) -> None:
        """Return once `record` is durable.

        Raises TransientError (BrokerUnavailableError after the time limit); it may have become
        durable all the same.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(record, loop.create_future())
        self._waiting.append(waiting)
        if not self._scheduled:
            # At the end of this turn of the loop: whoever is ready in the same turn comes along.
            self._scheduled = True
            loop.call_soon(self._send_what_waits)
        limit = loop.call_later(self._timeout_seconds, _give_up, waiting)
        try:
            await waiting.done
        finally:
            limit.cancel()

    def _send_what_waits(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._sending) < self._max_in_flight:
            batch = self._next_batch()
            if not batch:
                return
            task = asyncio.create_task(self._send_batch(batch))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting:
            first = self._waiting[0]
            if batch and size + len(first.record) > self._max_bytes:
                break
            self._waiting.popleft()
            if not first.done.done():
                batch.append(first)
                size += len(first.record)
        return batch

    async def _send_batch(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._send([waiting.record for waiting in batch])
        except TransientError as error:
            # Whoever waits behind would meet the same fate, only later.
            failed = [*batch, *self._waiting]
            self._waiting.clear()
            for waiting in failed:
                if not waiting.done.done():
                    waiting.done.set_exception(type(error)(error.message))
        else:
            for waiting in batch:
                if not waiting.done.done():
                    waiting.done.set_result(None)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._send_what_waits()


def _give_up(waiting: _Waiting) -> None:
    if not waiting.done.done():
        waiting.done.set_exception(BrokerUnavailableError("not confirmed in time"))


def lane_batcher(publisher: Publisher, lane: Lane) -> RecordBatcher:
    """The batcher whose messages go to the queue of `lane`."""

    async def send(records: Sequence[bytes]) -> None:
        await publisher.publish(DELIVERIES, lane, join_records(records))
        log.debug("deliveries_published", lane=lane.value, deliveries=len(records))

    return RecordBatcher(send)
