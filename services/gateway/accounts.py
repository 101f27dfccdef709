"""User names, and how a password is hashed and checked without blocking.

A wrong password and an unknown user take the same time and get the same answer. bcrypt reads 72
bytes and no NUL, so it gets the SHA-384 of the password in base64: 64 characters, whatever was
typed. Hashes from before that are still checked, and replaced at the next sign-in.
"""

import asyncio
import base64
import hashlib
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from libs.common.errors import InvalidInputError, TransientError

SHORTEST_USERNAME = 3
LONGEST_USERNAME = 64

MOST_WAITING = 64
"""More sign-ins at once than this are sent away instead of queued for minutes."""

_COST = 12
_AT_ONCE = 2
_DIGEST_CHARACTERS = 31
_SHA384 = "$sha384"
"""Stands before the bcrypt hash of a digest; without it bcrypt had the password itself."""
_MAX_BCRYPT_BYTES = 72

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

    async def hash(self, password: str) -> str:
        digest = _digest(password)
        hashed = await self._run(lambda: bcrypt.hashpw(digest, bcrypt.gensalt(self._cost)))
        return _SHA384 + hashed.decode("ascii")

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` belongs to `stored`. Without `stored`: False, after as long a time."""
        typed, against = _digest(password), self.stand_in
        fits_none = stored is None
        if stored is not None and not is_outdated(stored):
            against = stored.removeprefix(_SHA384).encode("ascii")
        elif stored is not None and _was_taken(password.encode()):
            typed, against = password.encode(), stored.encode("ascii")
        else:
            fits_none = True
        fits = await self._run(lambda: bcrypt.checkpw(typed, against))
        return fits and not fits_none

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        if self._waiting >= MOST_WAITING:
            raise TransientError("Too many people sign in at this moment. Try again shortly.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def is_outdated(stored: str) -> bool:
    """Whether `stored` is to be replaced at the next sign-in: a hash of the password itself."""
    return not stored.startswith(_SHA384)


def _was_taken(encoded: bytes) -> bool:
    """Whether bcrypt could hash the password whole."""
    return len(encoded) <= _MAX_BCRYPT_BYTES and b"\0" not in encoded


def _digest(password: str) -> bytes:
    return base64.b64encode(hashlib.sha384(password.encode()).digest())
