"""Values that have broken programs before: ids, money, moments and names, picked by chance.

Hypothesis chooses how much there is and the seed; the seed chooses the rest. That is ten times
as quick as choosing each value apart, and a failure still shrinks to the smallest amount.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from functools import reduce
from random import Random

from tests.properties.store import ShopKind

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
CURRENCIES = ("USD", "EUR", "JPY", "KWD")
IDS = (1, 2, 3, 4, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1)
"""A JSON number would confuse the three in the middle."""

_EDGES = tuple(
    map(
        datetime.fromisoformat,
        (
            *("2026-03-08T05:00Z", "2026-03-08T07:00Z", "2026-11-01T04:00Z", "2026-11-01T06:00Z"),
            *("2026-03-29T00:00Z", "2026-03-29T01:00Z", "2026-10-24T23:00Z", "2026-10-25T01:00Z"),
            *("2026-04-04T13:00Z", "2026-04-04T15:00Z", "2026-10-03T13:30Z", "2026-10-03T15:30Z"),
            *("2026-03-01T18:15Z", "2026-03-08T11:00Z"),
        ),
    )
)
"""Midnights and changes of the clock in ZONES."""
_FAR_EDGES = tuple(
    map(
        datetime.fromisoformat,
        (
            *("1997-01-01T00:00Z", "2011-12-30T10:00Z", "2025-01-01T00:00Z", "2024-02-29T12:00Z"),
            *("1899-12-30T00:00Z", "2099-11-02T10:15Z"),
        ),
    )
)
"""The second is the day that Apia left out; the last two are no days on which anybody sells."""
_SHIFTS = (
    *(timedelta(hours=hours) for hours in (-25, -1, 0, 1, 24, 480)),
    *(timedelta(microseconds=count) for count in (-1_000_000, -1, 1)),
)
_PLACES = (2, 2, 2, 2, 0, 3, 6)
_EXTREME_AMOUNTS = tuple(
    map(
        Decimal,
        (
            *("0", "0.00", "0.01", "0.000001", "1E+3", "99999999999.99", "9007199254740993"),
            *("12345678901234567890.123456", "9" * 27 + ".99", "1e29", "0." + "0" * 25 + "7"),
        ),
    )
)
_NAMES = (
    None,
    "",
    " ",
    "Ada",
    " Ada ",
    "Müller",
    "田中",
    "Ñandú 🦤",
    "O'Neil; --",
    "a" * 300,
    "\u202e",
)
_LETTERS = (*map(chr, range(32, 127)), *"äßéñ田中ひ한🦤\u200b\u0301\t\n")
_EXACT = Context(prec=200)


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """No digit is lost, whatever the context of decimals says."""
    return reduce(_EXACT.add, values, Decimal(0))


class Chance(Random):
    """Picks values; the same seed picks the same."""

    def amount(self) -> Decimal:
        if self.random() < 0.2:
            return self.choice(_EXTREME_AMOUNTS)
        return Decimal(self.randrange(10**7)).scaleb(-self.choice(_PLACES))

    def moment(self) -> datetime:
        edges = _EDGES if self.random() < 0.98 else _FAR_EDGES
        return self.choice(edges) + self.choice(_SHIFTS)

    def name(self) -> str | None:
        return self.choice(_NAMES) if self.random() < 0.6 else self.text(8)

    def text(self, most: int) -> str:
        return "".join(self.choices(_LETTERS, k=self.randint(1, most)))

    def some(self, count: int) -> list[int]:
        """Up to `count` different ids."""
        return self.sample(IDS, min(count, len(IDS)))

    def shop(self) -> ShopKind:
        return ShopKind(
            self.choice(ZONES), self.choice(CURRENCIES), include_test_orders=self.random() < 0.3
        )
