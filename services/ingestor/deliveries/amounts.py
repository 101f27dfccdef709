"""Amounts of money in a delivery's body, and the error for a body that cannot be read."""

from decimal import Decimal

from libs.common.errors import MessageMalformedError
from libs.common.money import is_money
from services.ingestor.facts import ZERO


def malformed(reason: str) -> MessageMalformedError:
    return MessageMalformedError("the delivery's body cannot be read", reason=reason)


def money(value: Decimal | None, name: str) -> Decimal:
    """Raises MessageMalformedError for what is no amount; `name` says where it stands."""
    if value is None:
        return ZERO
    if not is_money(value):
        raise malformed(f"wrong_shape: $.{name}")
    return value


def optional_money(value: Decimal | None, name: str) -> Decimal | None:
    return None if value is None else money(value, name)
