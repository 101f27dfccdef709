"""The bulk operations of one shop and their states. `bulk.py` runs them."""

from collections.abc import Callable
from typing import Any

import msgspec

Write = Callable[[str, int | str, object], None]

RUNNING = frozenset({"CREATED", "RUNNING", "CANCELING"})


class Operation(msgspec.Struct):
    id: int
    query: str
    group_objects: bool
    created_at: int
    status: str = "CREATED"
    error_code: str | None = None
    completed_at: int | None = None
    object_count: int = 0
    root_object_count: int = 0
    file_size: int | None = None
    has_file: bool = False


class Operations:
    def __init__(self, write: Write) -> None:
        self._write = write
        self._by_id: dict[int, Operation] = {}

    def all(self) -> list[Operation]:
        return list(self._by_id.values())

    def running(self) -> list[Operation]:
        return [operation for operation in self._by_id.values() if operation.status in RUNNING]

    def get(self, number: int | None) -> Operation | None:
        return self._by_id.get(number or 0)

    def keep(self, operation: Operation) -> None:
        self._by_id[operation.id] = operation
        self._write("operation", operation.id, operation)

    def replay(self, number: int, value: Any) -> None:
        self._by_id[number] = msgspec.convert(value, Operation)

    def fail_interrupted(self, now: int) -> None:
        """After a restart nobody runs what was under way."""
        for operation in self.running():
            operation.status = "FAILED"
            operation.error_code = "INTERNAL_SERVER_ERROR"
            operation.completed_at = now
            self.keep(operation)
