"""Money is Decimal inside and a decimal string outside; never a float, and no digit is lost."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import reduce
from typing import Annotated

from iso4217 import Currency
from pydantic import PlainSerializer

_USUAL_PLACES = 2
_ZERO = Decimal(0)
_MOST_DIGITS = 30
_EXACT = Context(prec=200)
"""The usual 28 digits round, or raise, where one absurd amount is among those of a shop."""


def decimal_text(amount: Decimal) -> str:
    """`amount` in plain digits, with at least two places and no needless zeros beyond them."""
    places = -int(amount.normalize(_EXACT).as_tuple().exponent)
    return f"{amount:.{max(places, 2)}f}"


def is_money(amount: Decimal) -> bool:
    """Whether it is a number within all trade: any other would spoil every sum it enters."""
    return amount.is_finite() and -_MOST_DIGITS <= amount.adjusted() <= _MOST_DIGITS


def minor_units(currency: str | None) -> int:
    """The places in which a currency is counted (ISO 4217); two where it names none."""
    try:
        places = None if currency is None else Currency(currency).exponent
    except ValueError:
        places = None
    return _USUAL_PLACES if places is None else places


def average(total: Decimal, count: int, currency: str | None) -> Decimal | None:
    """`total / count` in the currency's minor units, half up; None where there is no `count`."""
    if not count:
        return None
    unit = Decimal(1).scaleb(-minor_units(currency))
    return _EXACT.divide(total, Decimal(count)).quantize(unit, ROUND_HALF_UP, _EXACT)


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(_EXACT.add, amounts, _ZERO)


def exact_product(price: Decimal, quantity: int) -> Decimal:
    return _EXACT.multiply(price, Decimal(quantity))


Money = Annotated[Decimal, PlainSerializer(decimal_text, return_type=str)]
"""A Decimal that leaves as a decimal string."""
