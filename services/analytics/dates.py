"""Dates as callers write them: `YYYY-MM-DD`, nothing else, and ranges that are not absurd."""

import re
from collections.abc import Iterator
from datetime import date

from libs.common.errors import InvalidDateError, InvalidRangeError

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
LONGEST_RANGE_DAYS = 36_600
"""About a hundred years: more than any shop has, and still an answer of bounded size."""


def date_from_text(parameter: str, text: str | None) -> date | None:
    """The date in `text`; InvalidDateError, which names `parameter`, when it is not one."""
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidDateError(
        f"'{parameter}' must be a date of the calendar, written YYYY-MM-DD.",
        details={"parameter": parameter},
    )


def check_range(first: date, last: date) -> None:
    """Raises InvalidRangeError unless `first` to `last` is a range that can be answered."""
    if first > last:
        raise InvalidRangeError(
            "'from' must not be after 'to'.", details={"from": str(first), "to": str(last)}
        )
    if days_between(first, last) > LONGEST_RANGE_DAYS:
        raise InvalidRangeError(
            f"A range may hold {LONGEST_RANGE_DAYS} days at most.",
            details={"days": days_between(first, last), "longest": LONGEST_RANGE_DAYS},
        )


def days_between(first: date, last: date) -> int:
    """How many days `first` to `last` are, both included."""
    return last.toordinal() - first.toordinal() + 1


def each_day(first: date, last: date) -> Iterator[date]:
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
