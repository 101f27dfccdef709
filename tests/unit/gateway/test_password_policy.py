"""What is guessed first is refused, with a reason; what is hard to guess is taken in any script."""

import pytest

from libs.common.errors import PasswordRefusedError
from services.gateway.password_policy import check_new_password, common_passwords

WORDS = ("ada.lovelace", "engine-works.myshopify.com")


def _reason(password: str, *words: str, current: str | None = None) -> str | None:
    try:
        check_new_password(password, *words, current=current)
    except PasswordRefusedError as error:
        details = error.context["details"]
        return str(details["reason"]) if isinstance(details, dict) else "no details"
    return None


def test_the_list_holds_ten_thousand_that_are_long_enough():
    assert len(common_passwords()) >= 10_000
    assert min(map(len, common_passwords())) >= 8


@pytest.mark.parametrize(
    "password",
    [
        *("password", "12345678", "PASSWORD", "iloveyou", "1qaz2wsx"),
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",  # full-width letters
        "ﬁreﬁghter",
    ],
)
def test_a_common_password_is_refused_however_it_is_written(password: str):
    assert _reason(password) == "common"


@pytest.mark.parametrize(
    "password",
    [
        *("tillstream", "Tillstream1!", "T1llstre@m2026"[:13], "tillstreamtillstream"),
        *("ada.lovelace", "AdaLovelace99", "ad@l0vel@ce", "ada.lovelace!!!!!!"),
        *("engine-works", "EngineWorks1", "engine-works.myshopify.com", "3ngin3w0rks"),
    ],
)
def test_a_password_made_of_the_users_own_words_is_refused(password: str):
    assert _reason(password, *WORDS) == "known_words"


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse battery", "x7!kQ9#mZ2", "tillstream and 4 grey cats"),
        *(
            "ada likes green tea",
            "пароль которого нет",
            "馬は電池のホチキスです",
            "🐎🔋📎✅🐎🔋📎✅",
        ),
        *("nul\0 is a character", "x" * 7 + "yz", "ж" * 255 + "я"),
    ],
)
def test_another_password_is_taken(password: str):
    assert _reason(password, *WORDS) is None


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short7!", "too_short"),
        ("", "too_short"),
        ("long " * 52, "too_long"),
        ("🐎" * 257, "too_long"),
    ],
)
def test_the_length_is_counted_in_characters(password: str, reason: str):
    assert _reason(password) == reason


def test_a_refusal_does_not_repeat_the_password():
    for password in ("iloveyou", "tillstream-engine"[:12], "🐎" * 300):
        with pytest.raises(PasswordRefusedError) as refused:
            check_new_password(password)
        assert password not in str(refused.value)


def test_the_current_password_is_no_new_one():
    assert _reason("correct horse battery", current="correct horse battery") == "same"


def test_a_short_word_of_the_user_refuses_nothing_by_itself():
    assert _reason("canada goose", "ada", "go.myshopify.com") is None
