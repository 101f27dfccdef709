"""Shopify's numbers: the same text always gets the same one, and it is above 2^53.

Numbers from files lie in [2^60, 2^61); numbers of what is made later begin at 4 * 10^18.
"""

import hashlib

from libs.common.errors import InvalidInputError

FIRST_NEW_NUMBER = 4_000_000_000_000_000_000
PARTS_OF_A_REFUND = 2
"""A refund's adjustment and transaction have the two numbers after its own."""
_FILE_RANGE = 1 << 60


def stable_number(kind: str, text: str) -> int:
    digest = hashlib.blake2b(f"{kind}:{text}".encode(), digest_size=8).digest()
    return _FILE_RANGE | int.from_bytes(digest) % _FILE_RANGE


class Numbering:
    """The numbers of one kind in one file; refuses the (never seen) case of two texts with one."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._texts: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def of(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = stable_number(self._kind, text)
            if number in self._texts:
                raise InvalidInputError(
                    f"{self._kind} ids {self._texts[number]!r} and {text!r} would share a number; "
                    "rename one of them"
                )
            self._texts[number] = text
            self._numbers[text] = number
        return number


class Sequence:
    """Numbers for what is made while the simulator runs, in any shop. Never gives one twice."""

    def __init__(self) -> None:
        self._last = FIRST_NEW_NUMBER

    def next(self) -> int:
        self._last += 1
        return self._last

    def passed(self, number: int) -> None:
        """`number` was given out in an earlier run."""
        self._last = max(self._last, number)


def global_id(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def number_from_global_id(text: str, kind: str) -> int | None:
    """The number in `gid://shopify/{kind}/{number}`, or None when it is not one."""
    prefix, _, number = text.rpartition("/")
    if prefix != f"gid://shopify/{kind}" or not (number.isascii() and number.isdigit()):
        return None
    return int(number)
