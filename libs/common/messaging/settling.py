"""Settles the items that a consumer took: each is handled, waits to be tried again, or is a dead
letter.

What is the record's own fault is proven (`PermanentError`); a database that is not well is waited
for; all else climbs the ladder. No item waits for the broker where the service has a `Keeper`.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from libs.common.errors import (
    BrokerUnavailableError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    PermanentError,
    PlatformError,
    TransientError,
)
from libs.common.logs import get_logger
from libs.common.messaging.fates import (
    ATTEMPT_HEADER,
    FIRST_PAUSE_SECONDS,
    MAX_PAUSE_SECONDS,
    Carrier,
    Handle,
    Item,
    Keeper,
    Pause,
    SetAside,
    bury,
    dead_headers,
    exchange_for,
    publish_surely,
    reason_of,
    surely,
)
from libs.common.messaging.inbox import Inbox
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import LADDER, retry_queue

MAX_MESSAGE_BYTES = 256 * 1024
_WINDOW = 1_000
_MAX_DEAD_SHARE = 0.2
_MIN_DEAD = 50
"""Fewer prove nothing: two bad records of five are an accident."""

_Value = TypeVar("_Value")
_Failed: TypeAlias = Sequence[tuple[Item[_Value], Exception]]

log = get_logger()


class Verdicts(Generic[_Value]):
    """How many of the last records became dead letters, and of which tenants.

    When over a fifth would, of more than one tenant, the cause is more likely a release of ours
    than the records.
    """

    def __init__(self, tenant_of: Callable[[_Value], UUID | None]) -> None:
        self._tenant_of = tenant_of
        self._last: deque[tuple[bool, UUID | None]] = deque(maxlen=_WINDOW)

    def too_many(self, dead: _Failed[_Value], records: int) -> Pause | None:
        """Why to pause if `dead`, of `records` more, are too many to become dead letters now."""
        if not dead:
            return None
        last = list(self._last)[-max(0, _WINDOW - records) :] if records < _WINDOW else []
        before = [tenant for is_dead, tenant in last if is_dead]
        tenants = {*before, *(self._tenant_of(item.value) for item, _ in dead)}
        number, total = len(before) + len(dead), len(last) + records
        if number < _MIN_DEAD or number <= total * _MAX_DEAD_SHARE or len(tenants) == 1:
            return None
        [(reason, _)] = Counter(reason_of(error) for _, error in dead).most_common(1)
        return Pause(number, total, len(tenants), reason)

    def add(self, dead: _Failed[_Value], records: int) -> None:
        self._last.extend([(False, None)] * (records - len(dead)))
        self._last.extend((True, self._tenant_of(item.value)) for item, _ in dead)


class Settler(Generic[_Value]):
    """Gives each item of one queue its fate."""

    def __init__(
        self,
        queue: str,
        handle: Handle[_Value],
        carrier: Carrier[_Value],
        publisher: Publisher,
        keeper: Keeper[_Value] | None = None,
    ) -> None:
        """Without a `keeper` everything that is set aside goes by way of the broker."""
        self._queue = queue
        self._handle = handle
        self._carrier = carrier
        self._publisher = publisher
        self._keeper = keeper
        self._verdicts = Verdicts(carrier.tenant)

    async def settle(self, items: Sequence[Item[_Value]], inbox: Inbox) -> None:
        """Return once every item is handled, waits to be tried again, or is a dead letter.

        Raises BrokerUnavailableError when `inbox` ends before that; the items will come again.
        """
        failed = await self._apply(items, inbox)
        pause = FIRST_PAUSE_SECONDS
        while (found := self._verdicts.too_many(self._dead(failed), len(items))) is not None:
            await self._note_pause(found)
            await inbox.pause(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)
            failed = await self._apply([item for item, _ in failed], inbox)
        dead = self._dead(failed)
        self._verdicts.add(dead, len(items))
        await self._bury(dead, inbox)
        is_dead = {id(item) for item, _ in dead}
        await self._postpone([each for each in failed if id(each[0]) not in is_dead], inbox)

    async def _apply(self, items: Sequence[Item[_Value]], inbox: Inbox) -> _Failed[_Value]:
        """Those that failed, each for an error of its own. Waits while the database is not well."""
        pause = FIRST_PAUSE_SECONDS
        while items:
            try:
                failures = await self._handle([item.value for item in items])
            except DatabaseTimeoutError as error:
                return await self._split(items, error, inbox)
            except DatabaseUnavailableError as error:
                log.warning(
                    "consumer_waits_for_database",
                    consumer=self._queue,
                    items=len(items),
                    reason=error.message,
                )
                await inbox.pause(pause)
                pause = min(pause * 2, MAX_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - a bug must not stop the queue
                return await self._split(items, error, inbox)
            else:
                attempts = {id(item.value): item.attempt for item in items}
                return [
                    (Item(each.value, attempts[id(each.given or each.value)]), each.error)
                    for each in failures or ()
                ]
        return []

    async def _split(
        self, items: Sequence[Item[_Value]], error: Exception, inbox: Inbox
    ) -> _Failed[_Value]:
        """Look for the culprits of an error without a name, in parts of the batch.

        A time-out is of a tenant: of its lock, or of how much it has.
        """
        if len(items) == 1:
            return [(items[0], error)]
        parts: Sequence[Sequence[Item[_Value]]] = []
        if isinstance(error, DatabaseTimeoutError):
            parts = self._by_tenant(items)
            if len(parts) == 1 and error.waited_for_lock:
                return [(item, error) for item in items]
        if len(parts) <= 1:
            middle = len(items) // 2
            parts = [items[:middle], items[middle:]]
        return [failed for part in parts for failed in await self._apply(part, inbox)]

    def _by_tenant(self, items: Sequence[Item[_Value]]) -> Sequence[Sequence[Item[_Value]]]:
        parts: dict[UUID | None, list[Item[_Value]]] = {}
        for item in items:
            parts.setdefault(self._carrier.tenant(item.value), []).append(item)
        return list(parts.values())

    def _dead(self, failed: _Failed[_Value]) -> _Failed[_Value]:
        return [
            (item, error)
            for item, error in failed
            if isinstance(error, PermanentError) or item.attempt >= len(LADDER)
        ]

    async def _note_pause(self, pause: Pause) -> None:
        log.error("consumer_paused", consumer=self._queue, **asdict(pause))
        if self._keeper is not None:
            with suppress(TransientError):
                # It pauses all the same, and notes it again in a few seconds.
                await self._keeper.note_pause(pause)

    async def _bury(self, failed: _Failed[_Value], inbox: Inbox) -> None:
        if not failed:
            return
        for item, error in failed:
            self._log("dead_lettered", item, error)
        if self._keeper is not None:
            await self._kept(self._keeper.keep_dead, failed, inbox)
            return
        kind = self._carrier.kind
        for item, error in failed:
            headers = dict(self._carrier.headers(item.value))
            told = dead_headers(self._queue, kind, reason_of(error), item.attempt + 1)
            body = self._carrier.encode([item.value])
            await bury(self._publisher, self._queue, body, told | headers, inbox)

    async def _postpone(self, failed: _Failed[_Value], inbox: Inbox) -> None:
        """One message a rung, where a message may carry several."""
        for item, error in failed:
            self._log("retry_scheduled", item, error)
        for attempt in sorted({item.attempt for item, _ in failed}):
            rung = [each for each in failed if each[0].attempt == attempt]
            for together in self._messages(rung):
                await self._climb(together, inbox)

    def _messages(self, failed: _Failed[_Value]) -> Iterator[_Failed[_Value]]:
        together: list[tuple[Item[_Value], Exception]] = []
        size = 0
        for each in failed:
            added = MAX_MESSAGE_BYTES
            if self._carrier.size is not None:
                added = self._carrier.size(each[0].value)
            if together and size + added > MAX_MESSAGE_BYTES:
                yield together
                together, size = [], 0
            together.append(each)
            size += added
        if together:
            yield together

    async def _climb(self, failed: _Failed[_Value], inbox: Inbox) -> None:
        first = failed[0][0]
        rung = list(LADDER)[first.attempt]
        exchange, room = exchange_for(self._queue), retry_queue(self._queue, rung)
        body = self._carrier.encode([item.value for item, _ in failed])
        headers = dict(self._carrier.headers(first.value)) | {ATTEMPT_HEADER: first.attempt + 1}
        if self._keeper is None:
            await publish_surely(self._publisher, exchange, room, body, headers, inbox)
            return
        try:
            await self._publisher.publish(exchange, room, body, headers=headers)
        except BrokerUnavailableError:
            keep = partial(self._keeper.keep_for_retry, seconds=LADDER[rung])
            await self._kept(keep, failed, inbox)

    async def _kept(
        self,
        keep: Callable[[Sequence[SetAside[_Value]]], Awaitable[None]],
        failed: _Failed[_Value],
        inbox: Inbox,
    ) -> None:
        items = [SetAside(item.value, item.attempt + 1, reason_of(error)) for item, error in failed]
        await surely(lambda: keep(items), self._queue, inbox)

    def _log(self, fate: str, item: Item[_Value], error: Exception) -> None:
        expected = isinstance(error, PlatformError)
        log.warning(
            "item_failed",
            fate=fate,
            consumer=self._queue,
            attempt=item.attempt + 1,
            reason=reason_of(error),
            exc_info=None if expected else error,
            **self._carrier.describe(item.value),
        )
