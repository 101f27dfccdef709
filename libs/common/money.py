"""Money is Decimal inside and a decimal string outside; never a float."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import PlainSerializer

_CENT = Decimal("0.01")


def decimal_text(amount: Decimal) -> str:
    """`amount` in plain digits, with at least two places and no needless zeros beyond them."""
    places = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:.{max(places, 2)}f}"


def average(total: Decimal, count: int) -> Decimal | None:
    """`total / count` to two places, half up; None where there is nothing to divide by."""
    return (total / count).quantize(_CENT, ROUND_HALF_UP) if count else None


Money = Annotated[Decimal, PlainSerializer(decimal_text, return_type=str)]
"""A Decimal that leaves as a decimal string."""
