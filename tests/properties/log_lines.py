"""What this process logs, as its standard output would have it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from libs.common.logs import configure_logs


class LogLines:
    def __init__(self, output: io.StringIO) -> None:
        self._output = output

    def forget(self) -> None:
        self._output.seek(0)
        self._output.truncate()

    @property
    def text(self) -> str:
        return self._output.getvalue()

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@contextmanager
def logging_to_memory() -> Iterator[LogLines]:
    """Everything, in the product's own form, down to the last detail of every library."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("properties", "DEBUG")
    output = io.StringIO()
    root.handlers[0].setStream(output)  # type: ignore[attr-defined]
    try:
        yield LogLines(output)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
