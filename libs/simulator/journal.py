"""Everything that changes while the simulator runs, one JSON object a line, replayed at start.

A record says what a thing is now, not what was done to it, so the last record of a key wins and
a line cut short by a kill is the only one lost. Written through to the operating system before
the change is answered: killing the process loses nothing.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from libs.common.errors import ConfigurationError

_FILE_NAME = "journal.jsonl"


class Record(msgspec.Struct, frozen=True, array_like=True):
    """`value` None: the thing is gone."""

    shop: str
    kind: str
    key: str
    value: Any


class Journal:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / _FILE_NAME
        self._encoder = msgspec.json.Encoder()
        self._written = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def replay(self) -> Iterator[Record]:
        """Every record in the order written. Raises ConfigurationError on a broken line inside."""
        decoder = msgspec.json.Decoder(Record)
        end = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    yield decoder.decode(line)
                except msgspec.MsgspecError as error:
                    raise ConfigurationError(
                        f"{self._path}, line {number}, cannot be read: remove the data folder to "
                        "begin anew"
                    ) from error
                end += len(line)
        os.ftruncate(self._written, end)

    def write(self, shop: str, kind: str, key: int | str, value: object) -> None:
        line = self._encoder.encode(Record(shop, kind, str(key), value)) + b"\n"
        os.write(self._written, line)

    def close(self) -> None:
        os.close(self._written)
