"""Identifiers: ours are UUIDs in order of time, Shopify's are integers inside global ids."""

import os
import time
from uuid import UUID

from libs.common.errors import InvalidInputError

MAX_SHOPIFY_ID = 2**63 - 1
_MAX_DIGITS = 19


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): later ids sort after earlier ones, to the millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def shopify_id(global_id: str) -> int:
    """The number in `gid://shopify/Order/123` (a query part after `?` is left out).

    Raises InvalidInputError when there is none, or one that does not fit into a bigint.
    """
    digits = global_id.rpartition("/")[2].partition("?")[0]
    if not (
        global_id.startswith("gid://shopify/")
        and digits.isascii()
        and digits.isdigit()
        and len(digits) <= _MAX_DIGITS
        and (number := int(digits)) <= MAX_SHOPIFY_ID
    ):
        raise InvalidInputError("not a Shopify global id")
    return number


def global_id(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"
