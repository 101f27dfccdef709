"""How things go wrong when a fault asks for it: refusals, half answers, spoilt files."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Literal
from uuid import uuid4

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from libs.simulator.bulk_rows import Line

_WORDS: Mapping[int, str] = {
    402: "This shop's plan does not have access to this feature",
    403: "Unavailable Shop",
    423: "This shop is unavailable",
    429: "Exceeded 2 calls per second for api client. "
    "Reduce request rates to resume uninterrupted service.",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_ROWS = ("nodes", "edges")


def refused_with(status: int) -> Response:
    headers = {"Retry-After": "2.0"} if status in {429, 503} else {}
    words = _WORDS.get(status, "A fault was asked for")
    return JSONResponse({"errors": words}, status, headers)


def broken_off(data: Mapping[str, Any] | None) -> dict[str, Any]:
    """An answer that failed half way: of each connection the first half of its rows, of the rest
    nothing, and the error. What a mutation did is done."""
    message = (
        "Internal error. Looks like something went wrong on our end.\n"
        f"Request ID: {uuid4()} (include this in support requests)."
    )
    error = {"message": message, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    halves = {key: _half(value) for key, value in (data or {}).items()}
    return {"data": halves or None, "errors": [error]}


def _half(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not any(isinstance(value.get(key), list) for key in _ROWS):
        return None
    return {key: rows[: len(rows) // 2] if key in _ROWS else rows for key, rows in value.items()}


class CutAnswer(Response):
    """Says how long it is, and closes the connection before its body is through."""

    def __init__(self, whole: Response, at: Literal["start", "middle"]) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._sent = self.body[: 0 if at == "start" else len(self.body) // 2]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The server closes what is left unfinished."""
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        await send({"type": "http.response.body", "body": self._sent, "more_body": True})


def shuffled(lines: Iterable[Line], dice: Random) -> list[Line]:
    """Children of children before their parents' parents: in any order at all."""
    found = list(lines)
    dice.shuffle(found)
    return found


def first_half(lines: Iterable[Line]) -> Iterator[Line]:
    """Some parents without their children, some children without their parents."""
    found = list(lines)
    yield from found[: len(found) // 2]


def cut_in_a_line(path: Path) -> None:
    """The file ends within its last line."""
    data = path.read_bytes()
    start = data.rstrip(b"\n").rfind(b"\n") + 1
    if data:
        os.truncate(path, start + (len(data) - start) // 2)
