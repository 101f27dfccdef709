"""Amounts of money in a delivery's body, and the error for a body that cannot be read."""

from decimal import Decimal

from libs.common.errors import MessageMalformedError
from services.ingestor.facts import ZERO

_MOST_DIGITS = 30


def malformed(reason: str) -> MessageMalformedError:
    return MessageMalformedError("the delivery's body cannot be read", reason=reason)


def money(value: Decimal | None, name: str) -> Decimal:
    """Not a number, or one beyond all trade, would spoil every sum it enters.

    Raises MessageMalformedError; `name` says where it stands.
    """
    if value is None:
        return ZERO
    if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        raise malformed(f"wrong_shape: $.{name}")
    return value


def optional_money(value: Decimal | None, name: str) -> Decimal | None:
    return None if value is None else money(value, name)
