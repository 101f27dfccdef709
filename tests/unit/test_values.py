"""Money keeps every digit, ids keep their order, and a shop's domain is all of the text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import InvalidInputError
from libs.common.ids import global_id, new_id, shopify_id
from libs.common.money import average, decimal_text, exact_product, exact_sum, minor_units
from libs.common.signatures import is_shop_domain


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12
    )
)
def test_money_as_text_is_the_same_amount(amount):
    text = decimal_text(amount)
    assert Decimal(text) == amount
    assert "E" not in text
    assert len(text.partition(".")[2]) >= 2


def test_an_average_of_nothing_is_nothing():
    assert average(Decimal(10), 0, "EUR") is None
    assert average(Decimal("10.00"), 3, "EUR") == Decimal("3.33")
    assert average(Decimal("0.125"), 1, None) == Decimal("0.13")


def test_money_keeps_every_digit_however_large_one_amount_is():
    absurd, price = Decimal("9" * 30 + ".995"), Decimal("12345678901234567890123.456789")
    assert decimal_text(absurd) == "9" * 30 + ".995"
    assert exact_sum([absurd, Decimal("0.000001")]) == Decimal("9" * 30 + ".995001")
    assert exact_product(price, 9) == Decimal("111111110111111111011111.111101")
    assert average(absurd, 1, "USD") == Decimal("1" + "0" * 30)


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_a_global_id_round_trips(number):
    assert shopify_id(global_id("Order", number)) == number


def test_a_global_id_may_carry_a_query():
    assert shopify_id("gid://shopify/LineItem/12?x=1") == 12


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "gid://shopify/Order/",
        "gid://shopify/Order/a",
        "gid://other/Order/1",
        "gid://shopify/Order/\u0661",
    ],
)
def test_what_is_no_global_id_is_refused(text):
    with pytest.raises(InvalidInputError):
        shopify_id(text)


def test_new_ids_are_version_7_and_differ():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)


@pytest.mark.parametrize("domain", ["cdnow.myshopify.com", "a.myshopify.com", "A-1.myshopify.com"])
def test_a_shop_domain_is_accepted(domain):
    assert is_shop_domain(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "cdnow",
        "cdnow.myshopify.com\n",
        "\ncdnow.myshopify.com",
        "evil.com/.myshopify.com",
        "evil.com?.myshopify.com",
        "evil.com#.myshopify.com",
        "a@b.myshopify.com",
        "-a.myshopify.com",
        "a.b.myshopify.com",
        "cdnow.myshopify.com.evil.com",
        "cdnow.myshopify.com:443",
        "\u0441dnow.myshopify.com",
        "cdnow.myshopify\u3002com",
        "a" * 250 + ".myshopify.com",
    ],
)
def test_anything_else_is_no_shop_domain(domain):
    assert not is_shop_domain(domain)


@pytest.mark.parametrize(
    ("currency", "places"),
    [
        *[("JPY", 0), ("KRW", 0), ("CLP", 0), ("ISK", 0), ("UGX", 0)],
        *[("EUR", 2), ("USD", 2), ("HUF", 2)],
        *[("KWD", 3), ("BHD", 3), ("JOD", 3), ("OMR", 3), ("TND", 3), ("CLF", 4)],
        *[("USDC", 2), ("XYZ", 2), (None, 2)],
    ],
)
def test_an_average_has_the_places_of_its_currency(currency: str | None, places: int):
    assert minor_units(currency) == places
    found = average(Decimal("9.5275"), 3, currency)
    assert found is not None
    assert -found.as_tuple().exponent == places
    assert abs(found - Decimal("9.5275") / 3) <= Decimal(1).scaleb(-places) / 2
