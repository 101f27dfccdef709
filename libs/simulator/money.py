"""Money is Decimal from the file to the wire; a float never touches it."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

CENT = Decimal("0.01")
_CACHED = 65_536


def rounded(amount: Decimal) -> Decimal:
    """To two places, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def rest_amount(amount: Decimal) -> str:
    """As REST and webhooks write it: `12.50`."""
    return format(rounded(amount), "f")


@lru_cache(_CACHED)
def graphql_amount(amount: Decimal) -> str:
    """As GraphQL writes it, at least one decimal and no zeros after it: `12.5`, `0.0`, `3.765`."""
    text = format(amount, "f")
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text
