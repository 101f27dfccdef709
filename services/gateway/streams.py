"""One browser's stream of server-sent events: the newest of each kind, older ones are dropped.

So a slow reader costs two events of memory, and never sees an old figure after a new one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson


@dataclass(frozen=True, slots=True)
class LatestSummary:
    version: str
    body: bytes

    @classmethod
    def from_answer(cls, summary: Mapping[str, Any]) -> Self:
        return cls(str(summary["freshness"]["dataVersion"]), orjson.dumps(summary))


class Stream:
    """`last_event_id` is what the browser saw before it lost the stream: not told again."""

    def __init__(self, last_event_id: str | None) -> None:
        self._seen_version = last_event_id
        self._told: LatestSummary | None = None
        self._waiting: dict[str, bytes] = {}
        self._news = asyncio.Event()
        self.ended = False

    def tell_summary(self, latest: LatestSummary) -> None:
        """The same summary is told once. It may differ under one version: a pull has ended."""
        if latest == self._told:
            return
        is_seen = self._told is None and latest.version == self._seen_version
        self._told = latest
        if not is_seen:
            self._tell("summary", b"id: " + latest.version.encode() + b"\n", latest.body)

    def tell_pull(self, pull: Mapping[str, Any]) -> None:
        self._tell("pull", b"", orjson.dumps(pull))

    def end(self) -> None:
        self.ended = True
        self._news.set()

    async def next_frames(self, seconds: float) -> bytes:
        """What there is to send; empty when `seconds` passed or the stream ended."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return b""
        self._news.clear()
        frames = b"".join(self._waiting.values())
        self._waiting.clear()
        return frames

    def _tell(self, event: str, id_line: bytes, body: bytes) -> None:
        self._waiting[event] = b"event: " + event.encode() + b"\n" + id_line + b"data: " + body
        self._waiting[event] += b"\n\n"
        self._news.set()
