"""Only our own pages, and programs that carry no cookie, may change something."""

import pytest
from starlette.datastructures import Headers

from services.gateway.origin import is_own_origin

OWN = "https://till.example"


def allowed(**headers: str) -> bool:
    return is_own_origin(Headers({k.replace("_", "-"): v for k, v in headers.items()}), OWN)


@pytest.mark.parametrize("cookie", [{}, {"cookie": "session=x"}])
def test_the_browsers_word_on_the_site_decides(cookie: dict[str, str]):
    assert allowed(sec_fetch_site="same-origin", **cookie)
    assert allowed(sec_fetch_site="none", **cookie)
    for site in ("cross-site", "same-site", "", "SAME-ORIGIN", "same-origin, cross-site"):
        assert not allowed(sec_fetch_site=site, **cookie)
        assert not allowed(sec_fetch_site=site, origin=OWN, **cookie)


@pytest.mark.parametrize("cookie", [{}, {"cookie": "session=x"}])
def test_without_that_word_the_origin_decides(cookie: dict[str, str]):
    assert allowed(origin=OWN, **cookie)
    others = ("null", "", "https://evil.example", "https://till.example.evil", f"{OWN}:444")
    for origin in (*others, "http://till.example", f"{OWN}/", "https://sub.till.example"):
        assert not allowed(origin=origin, **cookie)


def test_without_either_a_request_may_carry_no_cookie():
    assert allowed()
    assert not allowed(cookie="session=x")


def test_a_header_sent_twice_is_believed_in_neither_case():
    twice = [(b"origin", OWN.encode()), (b"origin", b"https://evil.example")]
    sites = [(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")]

    assert not is_own_origin(Headers(raw=twice), OWN)
    assert not is_own_origin(Headers(raw=sites), OWN)


def test_a_configured_origin_may_change_something_although_it_is_another_site():
    other = "https://reports.example"
    for site in ("cross-site", "same-site", "same-origin"):
        headers = Headers({"sec-fetch-site": site, "origin": other, "cookie": "session=x"})
        assert is_own_origin(headers, OWN, other)
    assert not is_own_origin(Headers({"origin": f"{other}.evil"}), OWN, other)
    twice = [(b"origin", other.encode()), (b"origin", b"https://evil.example")]
    assert not is_own_origin(Headers(raw=twice), OWN, other)
