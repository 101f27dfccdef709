"""Answers kept while the tenant's data stay as they are. Bounded in bytes; least used goes first.

An entry answers for one stamp only, so that a stale one is never served: it is found and replaced.
"""

from collections import OrderedDict
from collections.abc import Hashable
from uuid import UUID

from services.analytics.queries import Stamp

Question = tuple[Hashable, ...]
"""The name of an answer, then its parameters."""

_MOST_BYTES = 32 * 1024 * 1024


class AnswerCache:
    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entries: OrderedDict[tuple[UUID, Question], tuple[Stamp, bytes]] = OrderedDict()

    def find(self, tenant_id: UUID, question: Question, stamp: Stamp) -> bytes | None:
        key = (tenant_id, question)
        entry = self._entries.get(key)
        if entry is None or entry[0] != stamp:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def keep(self, tenant_id: UUID, question: Question, stamp: Stamp, body: bytes) -> None:
        key = (tenant_id, question)
        if old := self._entries.pop(key, None):
            self._bytes -= len(old[1])
        self._entries[key] = (stamp, body)
        self._bytes += len(body)
        while self._bytes > self._most_bytes:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._bytes -= len(dropped)

    def __len__(self) -> int:
        return len(self._entries)
