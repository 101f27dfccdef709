"""Money is Decimal inside and a decimal string outside; never a float, and no digit is lost."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import reduce
from typing import Annotated

from pydantic import PlainSerializer

_CENT = Decimal("0.01")
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


def average(total: Decimal, count: int) -> Decimal | None:
    """`total / count` to two places, half up; None where there is nothing to divide by."""
    if not count:
        return None
    return _EXACT.divide(total, Decimal(count)).quantize(_CENT, ROUND_HALF_UP, _EXACT)


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(_EXACT.add, amounts, _ZERO)


def exact_product(price: Decimal, quantity: int) -> Decimal:
    return _EXACT.multiply(price, Decimal(quantity))


Money = Annotated[Decimal, PlainSerializer(decimal_text, return_type=str)]
"""A Decimal that leaves as a decimal string."""
