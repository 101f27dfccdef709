"""A user name has one spelling; a password is taken whole or refused with what to do about it."""

import asyncio

import pytest

from libs.common.errors import InvalidInputError, PasswordRefusedError, TransientError
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


@pytest.mark.parametrize("password", ["x" * 8, "x" * 72, "ü" * 36, "pass word with spaces "])
def test_a_password_of_8_characters_to_72_bytes_is_taken_as_it_is(password: str):
    assert accounts.new_password_bytes(password) == password.encode()


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("x" * 7, "8 characters or more"),
        ("x" * 73, "73 bytes and may have 72"),
        ("ü" * 37, "74 bytes and may have 72"),
        ("longenough\0", "NUL"),
    ],
)
def test_a_refused_password_is_told_why(password: str, told: str):
    with pytest.raises(PasswordRefusedError, match=told) as refused:
        accounts.new_password_bytes(password)
    assert password not in str(refused.value)


async def test_a_password_fits_its_own_hash_and_no_other():
    hasher = PasswordHasher()
    stored = await hasher.hash(b"correct horse")

    assert stored.startswith("$2b$12$")
    assert await hasher.matches(b"correct horse", stored)
    assert not await hasher.matches(b"correct horsf", stored)
    hasher.close()


async def test_an_unknown_user_costs_as_much_work_as_a_wrong_password():
    hasher = PasswordHasher()

    assert hasher.stand_in.startswith(b"$2b$12$")
    assert not await hasher.matches(b"anything", None)
    hasher.close()


async def test_more_sign_ins_than_can_wait_are_sent_away_to_try_again():
    hasher = PasswordHasher()
    waiting = [
        asyncio.create_task(hasher.matches(b"x", None)) for _ in range(accounts.MOST_WAITING)
    ]
    await asyncio.sleep(0)

    with pytest.raises(TransientError):
        await hasher.matches(b"x", None)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    hasher.close()
