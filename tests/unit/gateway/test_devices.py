"""A device cookie names one user, cannot be made by others, and ends with time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.gateway import devices
from services.gateway.devices import DeviceCookies

COOKIES = DeviceCookies(SecretStr("0123456789abcdef0123456789abcdef"))
ADA = uuid4()


def test_a_cookie_is_read_for_its_own_user_name_only():
    cookie = COOKIES.issue("ada", ADA, 3, None)
    device = COOKIES.read(cookie, "ada")

    assert device is not None
    assert (device.user_id, device.credentials_version) == (ADA, 3)
    assert COOKIES.read(cookie, "eve") is None
    assert DeviceCookies(SecretStr("another secret of 32 characters!")).read(cookie, "ada") is None


def test_a_browser_keeps_its_identity_as_one_user_and_gets_another_as_the_next():
    first = COOKIES.read(COOKIES.issue("ada", ADA, 1, None), "ada")
    again = COOKIES.read(COOKIES.issue("ada", ADA, 2, first), "ada")
    other = COOKIES.read(COOKIES.issue("eve", uuid4(), 1, first), "eve")

    assert first
    assert again
    assert other
    assert again.id == first.id
    assert other.id != first.id


@pytest.mark.parametrize("cookie", [None, "", "=", "ä", "x", "A" * 123, "A" * 5000, "%00", "a.b.c"])
def test_what_is_no_cookie_of_ours_is_nothing(cookie: str | None):
    assert COOKIES.read(cookie, "ada") is None


def test_every_changed_byte_is_noticed():
    cookie = COOKIES.issue("ada", ADA, 1, None)

    for place in range(len(cookie) - 1):
        changed = "A" if cookie[place] != "A" else "B"
        assert COOKIES.read(cookie[:place] + changed + cookie[place + 1 :], "ada") is None


def test_a_cookie_ends_with_its_lifetime(monkeypatch: pytest.MonkeyPatch):
    cookie = COOKIES.issue("ada", ADA, 1, None)

    later = datetime.now(UTC) + devices.LIFETIME + timedelta(seconds=2)
    monkeypatch.setattr(devices, "utc_now", lambda: later)

    assert COOKIES.read(cookie, "ada") is None
