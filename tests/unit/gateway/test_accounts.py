"""A user name has one spelling; a password of any length and script is hashed whole."""

import asyncio

import bcrypt
import pytest

from libs.common.errors import InvalidInputError, TransientError
from services.gateway import accounts
from services.gateway.accounts import PasswordHasher


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Ada", "ada"),
        ("  ada  ", "ada"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("\uff21\uff24\uff21", "ada"),
        ("ada@example.com", "ada@example.com"),
        ("田中太郎", "田中太郎"),
    ],
)
def test_every_way_of_typing_a_name_is_one_name(typed: str, stored: str):
    assert accounts.new_username(typed) == stored


@pytest.mark.parametrize("typed", ["", "ab", "   ", "a" * 65, "a\0da", "a\nda", "ada\u202e"])
def test_what_cannot_be_a_name_is_refused(typed: str):
    with pytest.raises(InvalidInputError):
        accounts.new_username(typed)
    assert accounts.normalised_username(typed) is None


LONG_PASSPHRASE = "правильная лошадь батарейка скрепка " * 4


@pytest.mark.parametrize(
    "password", ["correct horse", "x" * 256, "\U0001f40e" * 256, LONG_PASSPHRASE, "nul\0inside"]
)
async def test_a_password_fits_its_own_hash_whole_and_no_other(password: str):
    hasher = PasswordHasher(cost=4)
    stored = await hasher.hash(password)

    assert await hasher.matches(password, stored)
    for other in (password[:-1], password + "x", password.swapcase() + "x", ""):
        assert not await hasher.matches(other, stored)
    hasher.close()


async def test_a_hash_says_how_it_was_made():
    hasher = PasswordHasher()
    stored = await hasher.hash("correct horse")

    assert stored.startswith("$sha384$2b$12$")
    assert not accounts.is_outdated(stored)
    hasher.close()


async def test_an_older_hash_still_fits_its_password_and_is_outdated():
    hasher = PasswordHasher(cost=4)
    stored = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()

    assert accounts.is_outdated(stored)
    assert await hasher.matches("correct horse", stored)
    # bcrypt could not have hashed the last two whole.
    for wrong in ("correct horsf", "x" * 73, "correct horse\0"):
        assert not await hasher.matches(wrong, stored)
    hasher.close()


async def test_an_unknown_user_costs_as_much_work_as_a_wrong_password():
    hasher = PasswordHasher()

    assert hasher.stand_in.startswith(b"$2b$12$")
    assert not await hasher.matches("anything", None)
    hasher.close()


async def test_more_sign_ins_than_can_wait_are_sent_away_to_try_again():
    hasher = PasswordHasher()
    waiting = [asyncio.create_task(hasher.matches("x", None)) for _ in range(accounts.MOST_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(TransientError):
        await hasher.matches("x", None)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    hasher.close()
