"""What browsers are told while they watch: one feed a tenant, shared by all its streams.

A feed asks for the summary when a hint says that facts changed, and every five seconds all the
same, because a hint may be lost. It never tells two summaries in one second.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from libs.common.errors import MessageMalformedError, PlatformError, TransientError
from libs.common.events.contracts import PullProgressed, StoreChanged
from libs.common.logs import get_logger
from services.gateway.repository import ActiveSession
from services.gateway.streams import LatestSummary, Stream

_AFTER_NEWS_SECONDS = 1.0
_AFTER_NO_NEWS_SECONDS = 0.2
"""Short, so that a change right after a look that found nothing need not wait."""
_POLL_SECONDS = 5.0
MAX_STREAMS_PER_SESSION = 10
MAX_STREAMS_PER_USER = 50
_MOST_STREAMS = 200
_GOING_ON = ("queued", "running")

AskSummary = Callable[[UUID], Awaitable[Mapping[str, Any]]]
log = get_logger()


class _Feed:
    def __init__(self, tenant_id: UUID, ask: AskSummary) -> None:
        self._tenant_id = tenant_id
        self._ask = ask
        self._due = asyncio.Event()
        self.streams: set[Stream] = set()
        self.latest: LatestSummary | None = None
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    @property
    def has_ended(self) -> bool:
        return self._task.done()

    def refresh(self) -> None:
        self._due.set()

    def stop(self) -> None:
        self._task.cancel()
        for stream in self.streams:
            stream.end()

    async def _run(self) -> None:
        while True:
            has_news = await self._ask_and_tell()
            await asyncio.sleep(_AFTER_NEWS_SECONDS if has_news else _AFTER_NO_NEWS_SECONDS)
            await self._wait_until_due()

    async def _ask_and_tell(self) -> bool:
        """True when the answer was a new one."""
        self._due.clear()
        before = self.latest
        try:
            self.latest = LatestSummary.from_answer(await self._ask(self._tenant_id))
        except PlatformError as error:
            # The streams stay open; the next try comes by itself.
            log.warning("summary_unavailable", tenant_id=str(self._tenant_id), code=error.code)
            return False
        for stream in self.streams:
            stream.tell_summary(self.latest)
        return self.latest != before

    async def _wait_until_due(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS - _AFTER_NEWS_SECONDS):
                await self._due.wait()
        except TimeoutError:
            return

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            # Browsers connect again, and that makes a new feed.
            log.error("feed_failed", tenant_id=str(self._tenant_id), exc_info=error)
            self.stop()


class LiveHub:
    """All feeds of this process."""

    def __init__(self, ask: AskSummary) -> None:
        self._ask = ask
        self._feeds: dict[UUID, _Feed] = {}
        self._closed = False
        self._by_session: Counter[UUID] = Counter()
        self._by_user: Counter[UUID] = Counter()

    def check_room(self, session: ActiveSession) -> None:
        """Raises TransientError when no further stream is taken: of the tenant, user or session.

        So nobody takes all the streams of a tenant.
        """
        if self._closed or self.watchers(session.tenant_id) >= _MOST_STREAMS:
            raise TransientError("Live updates are not available at this moment.")
        if (
            self._by_session[session.id] >= MAX_STREAMS_PER_SESSION
            or self._by_user[session.user_id] >= MAX_STREAMS_PER_USER
        ):
            raise TransientError("Too many pages with live updates are open. Close some of them.")

    def watchers(self, tenant_id: UUID) -> int:
        """How many streams the tenant has open in this process."""
        feed = self._feeds.get(tenant_id)
        return len(feed.streams) if feed else 0

    @contextmanager
    def join(self, session: ActiveSession, last_event_id: str | None) -> Iterator[Stream]:
        """A stream that is told the summary at once, and what happens until it is left."""
        counts = ((self._by_session, session.id), (self._by_user, session.user_id))
        for count, key in counts:
            count[key] += 1
        try:
            with self._joined(session.tenant_id, last_event_id) as stream:
                yield stream
        finally:
            for count, key in counts:
                count[key] -= 1
                if not count[key]:
                    del count[key]

    @contextmanager
    def _joined(self, tenant_id: UUID, last_event_id: str | None) -> Iterator[Stream]:
        stream = Stream(last_event_id)
        feed = self._feeds.get(tenant_id)
        if feed is None or feed.has_ended:
            feed = self._feeds[tenant_id] = _Feed(tenant_id, self._ask)
        elif feed.latest:
            stream.tell_summary(feed.latest)
            feed.refresh()
        feed.streams.add(stream)
        try:
            yield stream
        finally:
            feed.streams.discard(stream)
            if not feed.streams:
                feed.stop()
                if self._feeds.get(tenant_id) is feed:
                    del self._feeds[tenant_id]

    async def take_hint(self, routing_key: str, body: bytes) -> None:
        try:
            if routing_key == StoreChanged.TYPE:
                self._facts_changed(StoreChanged.from_json(body))
            elif routing_key == PullProgressed.TYPE:
                self._pull_progressed(PullProgressed.from_json(body))
        except MessageMalformedError as error:
            log.warning("hint_unreadable", kind=routing_key, reason=error.message)

    def close_tenant(self, notice: str) -> None:
        """End the streams of the tenant whose id `notice` is: nobody may see its figures now."""
        try:
            feed = self._feeds.pop(UUID(notice), None)
        except ValueError:
            log.warning("notice_unreadable")
            return
        if feed:
            feed.stop()

    def close(self) -> None:
        """End every stream, so that none holds up the end of the process."""
        self._closed = True
        for feed in self._feeds.values():
            feed.stop()

    def _facts_changed(self, hint: StoreChanged) -> None:
        feed = self._feeds.get(hint.tenant_id)
        if feed and not (feed.latest and int(feed.latest.version) >= hint.data_version):
            feed.refresh()

    def _pull_progressed(self, hint: PullProgressed) -> None:
        feed = self._feeds.get(hint.tenant_id)
        if feed is None:
            return
        for stream in feed.streams:
            stream.tell_pull(hint.pull)
        if hint.pull.get("state") not in _GOING_ON:
            feed.refresh()
