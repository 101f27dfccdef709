"""Which passwords are refused: too short, too long, among the common ones, or made of known words.

The list of common passwords comes with the package zxcvbn: the 30,000 most frequent ones of public
leaks, of which 11,611 are long enough to be tried here. Nothing is asked over the network.
"""

import unicodedata
from collections.abc import Callable
from functools import cache

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from libs.common.errors import PasswordRefusedError

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 256
_PRODUCT = "tillstream"
_MIN_WORD_CHARACTERS = 3
_MIN_OTHER_CHARACTERS = 5
"""So much must be left of a password without the words that belong to its user."""
_LOOKALIKES = str.maketrans("@4310!$57", "aaeioisst")


def check_new_password(password: str, *words: str, current: str | None = None) -> None:
    """Raises PasswordRefusedError, with what to do about it.

    `words` are the user's name and the shop's domain: what a guesser tries first. `current` is the
    password that the new one replaces.
    """
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise PasswordRefusedError(
            f"The password is too short. Use {MIN_PASSWORD_CHARACTERS} characters or more.",
            details={"reason": "too_short", "shortest": MIN_PASSWORD_CHARACTERS},
        )
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise PasswordRefusedError(
            f"The password is too long. Use {MAX_PASSWORD_CHARACTERS} characters or fewer.",
            details={"reason": "too_long", "longest": MAX_PASSWORD_CHARACTERS},
        )
    if password == current:
        raise PasswordRefusedError(
            "This is your current password. Choose another one.", details={"reason": "same"}
        )
    if _folded(password) in common_passwords():
        raise PasswordRefusedError(
            "This password is one of the most common ones, and is guessed first. "
            "Choose another one: a few unrelated words are easy to remember.",
            details={"reason": "common"},
        )
    if _is_made_of(password, words):
        raise PasswordRefusedError(
            "The password is too close to your user name, your shop's name or the name of this "
            "product. Choose another one.",
            details={"reason": "known_words"},
        )


@cache
def common_passwords() -> frozenset[str]:
    """All that are long enough to be taken otherwise, as `_folded` writes them."""
    folded = map(_folded, FREQUENCY_LISTS["passwords"])
    return frozenset(one for one in folded if len(one) >= MIN_PASSWORD_CHARACTERS)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _is_made_of(password: str, words: tuple[str, ...]) -> bool:
    """Whether little is left of `password` without `words`, in whatever case or lookalikes."""
    return any(_has_little_else(password, words, read) for read in (_plain, _with_lookalikes))


def _has_little_else(password: str, words: tuple[str, ...], read: Callable[[str], str]) -> bool:
    whole = rest = read(password)
    for word in sorted(map(read, _known_words(words)), key=len, reverse=True):
        if len(word) >= _MIN_WORD_CHARACTERS:
            rest = rest.replace(word, "")
    return rest != whole and len(rest) < _MIN_OTHER_CHARACTERS


def _known_words(words: tuple[str, ...]) -> set[str]:
    # Of a domain the shop's own part is the word; of a name like ada@example.com all parts are.
    parts = {part for word in words for part in (word, *_folded(word).split("@"))}
    return {_PRODUCT, *parts, *(part.removesuffix(".myshopify.com") for part in parts)}


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, _folded(text)))


def _with_lookalikes(text: str) -> str:
    """The usual lookalikes as the letters they stand for."""
    return _plain(_folded(text).translate(_LOOKALIKES))
