"""JSON as Shopify writes it, made fit for PostgreSQL."""

import re
from typing import Final

_ESCAPED: Final = b"\\u0000"
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def without_nul(json: bytes) -> bytes:
    """`json` without the one character that a text in PostgreSQL cannot hold."""
    return _NUL.sub(rb"\1", json) if _ESCAPED in json else json
