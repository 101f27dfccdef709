"""User names and passwords: what is taken, and how a password is checked without blocking.

A wrong password and an unknown user take the same time and get the same answer.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from libs.common.errors import InvalidInputError, PasswordRefusedError, TransientError

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD_BYTES = 72
"""bcrypt reads no further."""
SHORTEST_USERNAME = 3
LONGEST_USERNAME = 64

MOST_WAITING = 64
"""More sign-ins at once than this are sent away instead of queued for minutes."""

_COST = 12
_AT_ONCE = 2
_DIGEST_CHARACTERS = 31

_Result = TypeVar("_Result")


def normalised_username(text: str) -> str | None:
    """The one spelling of a user name under which it is stored; None when it can be no name."""
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
    if not SHORTEST_USERNAME <= len(name) <= LONGEST_USERNAME:
        return None
    return name if name.isprintable() else None


def new_username(text: str) -> str:
    """Raises InvalidInputError."""
    name = normalised_username(text)
    if name is None:
        raise InvalidInputError(
            f"A user name has {SHORTEST_USERNAME} to {LONGEST_USERNAME} characters that can be "
            "seen. Choose another one.",
            details=[{"field": "username", "problem": "not a user name"}],
        )
    return name


def password_bytes(password: str) -> bytes:
    """The bytes to hash or compare. Raises PasswordRefusedError where bcrypt would cut them."""
    encoded = password.encode()
    if len(encoded) > LONGEST_PASSWORD_BYTES:
        raise PasswordRefusedError(
            f"The password has {len(encoded)} bytes and may have {LONGEST_PASSWORD_BYTES}. "
            "Use a shorter one; letters beyond plain English take 2 to 4 bytes each.",
            details={"bytes": len(encoded), "longest": LONGEST_PASSWORD_BYTES},
        )
    if b"\0" in encoded:
        raise PasswordRefusedError("The password holds a NUL character. Leave it out.")
    return encoded


def new_password_bytes(password: str) -> bytes:
    """Raises PasswordRefusedError, with what to do about it."""
    encoded = password_bytes(password)
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordRefusedError(
            f"The password is too short. Use {SHORTEST_PASSWORD} characters or more.",
            details={"shortest": SHORTEST_PASSWORD},
        )
    return encoded


class PasswordHasher:
    """bcrypt in threads of its own, a few at a time, so that logins never stop other requests."""

    def __init__(self, cost: int = _COST) -> None:
        self._cost = cost
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bcrypt")
        self._waiting = 0
        # Compared with when there is no such user: same cost, and no password fits.
        self.stand_in = bcrypt.gensalt(cost) + b"." * _DIGEST_CHARACTERS

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: bytes) -> str:
        hashed = await self._run(lambda: bcrypt.hashpw(password, bcrypt.gensalt(self._cost)))
        return hashed.decode("ascii")

    async def matches(self, password: bytes, stored: str | None) -> bool:
        """Whether `password` belongs to `stored`. Without `stored`: False, after as long a time."""
        against = self.stand_in if stored is None else stored.encode("ascii")
        fits = await self._run(lambda: bcrypt.checkpw(password, against))
        return fits and stored is not None

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        if self._waiting >= MOST_WAITING:
            raise TransientError("Too many people sign in at this moment. Try again shortly.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
