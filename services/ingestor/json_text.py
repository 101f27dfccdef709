"""JSON whose texts PostgreSQL cannot hold, or a strict decoder does not take.

Shopify cuts texts between the halves of a surrogate pair, and merchants paste NUL.
"""

import json
import re
from decimal import Decimal
from typing import Any, Final

import msgspec

_ESCAPE: Final = b"\\"
_ESCAPED_NUL: Final = b"\\u0000"
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_INT_DIGITS: Final = 100
_REPLACEMENT: Final = "\ufffd"


def has_nul(text: bytes) -> bool:
    """Whether there may be a NUL in a text of this JSON."""
    # Most texts escape nothing, and to look for a single byte takes a tenth.
    return _ESCAPE in text and _ESCAPED_NUL in text


def read_leniently(text: bytes) -> Any:
    """The value in `text`, numbers with a point as Decimal.

    Bytes that are no UTF-8 become U+FFFD; lone surrogates and NUL stay: see `clean`. Raises
    msgspec.DecodeError for what is no JSON all the same. Slower than msgspec by far.
    """
    try:
        return json.loads(
            text.decode("utf-8-sig", "replace"), parse_float=Decimal, parse_int=_whole
        )
    except (ValueError, RecursionError):
        raise msgspec.DecodeError("the text is no JSON") from None


def _whole(digits: str) -> int | Decimal:
    # Python refuses to make an int of very many digits.
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else Decimal(digits)


def clean(text: str) -> str:
    """`text` without NUL; U+FFFD in place of each lone surrogate."""
    return _LONE_SURROGATE.sub(_REPLACEMENT, text).replace("\0", "")


def cleaned(value: Any) -> Any:
    """`value` of JSON with every text in it cleaned, keys included."""
    match value:
        case str():
            return clean(value)
        case list():
            return [cleaned(each) for each in value]
        case dict():
            return {clean(key): cleaned(each) for key, each in value.items()}
        case _:
            return value


def plain(text: bytes) -> bytes:
    """`text` as JSON that any decoder takes. Raises msgspec.DecodeError."""
    try:
        return msgspec.json.encode(cleaned(read_leniently(text)))
    except RecursionError:
        raise msgspec.DecodeError("the text is nested too deeply") from None
