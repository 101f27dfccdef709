"""What a value of Shopify's may be, for bodies of deliveries and nodes of the Admin API alike.

A value outside these types is unreadable: `services.ingestor.salvage` says what becomes of it.
"""

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import cache
from typing import Annotated, Any, Final, TypeAlias, get_type_hints

from msgspec import Meta, Struct

from libs.common.errors import InvalidInputError
from libs.common.money import is_money

MAX_TEXT_LENGTH: Final = 65_535
"""Characters. Shopify's own limits for what is kept are far below."""

EARLIEST: Final = datetime(MINYEAR, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(MAXYEAR, 12, 30, tzinfo=UTC)
"""In every time zone these are moments that Python, the driver and PostgreSQL can all hold."""

_EDGES: Final = frozenset((MINYEAR, MAXYEAR))
_MOMENTS: Final = (datetime, datetime | None)

CLAMPED: Final = "clamped"
GLOBAL_ID: Final = "global_id"
STRICT: Final = "strict"

Id: TypeAlias = Annotated[int, Meta(gt=0, le=2**63 - 1)]
Quantity: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Number: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
ClampedMoment: TypeAlias = Annotated[datetime, Meta(tz=True, extra={CLAMPED: True})]
"""Kept as told: beyond `EARLIEST` or `LATEST` it is that bound, where others are unreadable."""
Text: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
Currency: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Z]{3,8}\Z")]
"""A code of Shopify's own list: mostly ISO 4217's, but also USDC, and "XXX" for none."""
ShopDomain: TypeAlias = Annotated[str, Meta(extra={STRICT: True})]
"""Where it cannot be read, nor is the object: it may be another shop's."""
CurrencyCode: TypeAlias = Annotated[str, Meta(min_length=3, max_length=8)]
"""As `Currency`, where a pull reads millions: no pattern is matched."""
GlobalId: TypeAlias = Annotated[str, Meta(extra={GLOBAL_ID: True})]
"""`gid://shopify/Order/123`. Its form is looked at when its number is taken."""


def is_amount(value: Any) -> bool:
    return value is None or is_money(value)


def check_moments(fact: Struct) -> None:
    """Raises InvalidInputError where a moment of `fact` may be one that cannot be stored."""
    if has_edge(*[getattr(fact, name) for name in _moments(type(fact))]):
        raise InvalidInputError("a moment cannot be stored")


def has_edge(*moments: datetime | None) -> bool:
    """Whether one of `moments` may be beyond `EARLIEST` or `LATEST`: only the year is looked at."""
    # A generator would cost as much again.
    for moment in moments:  # noqa: SIM110
        if moment is not None and moment.year in _EDGES:
            return True
    return False


@cache
def _moments(shape: type[Struct]) -> tuple[str, ...]:
    hints = get_type_hints(shape)
    return tuple(name for name, wanted in hints.items() if wanted in _MOMENTS)
