"""How fast a pull applies one entity, from marks that live in its checkpoint.

They are in the database and not in a process or a browser, so neither a restart nor a reload
loses them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

_BETWEEN = timedelta(seconds=1)
_RECENT = timedelta(seconds=30)
_TRUSTED_AFTER = timedelta(seconds=2)


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """At `at`, `applied` records of the entity were in."""

    at: datetime
    applied: int


def with_mark(marks: Sequence[Mark], at: datetime, applied: int) -> tuple[Mark, ...]:
    """At most one a second, of the recent past only, and always with the newest."""
    recent = [mark for mark in marks if at - _RECENT <= mark.at <= at and mark.applied <= applied]
    if len(recent) > 1 and recent[-1].at - recent[-2].at < _BETWEEN:
        recent.pop()
    return (*recent, Mark(at, applied))


def records_per_second(marks: Sequence[Mark], now: datetime) -> float | None:
    """Over the recent past; None while too little was seen, or nothing lately.

    The time since the newest mark counts, so that a worker that hangs is seen to slow down.
    """
    recent = [mark for mark in marks if mark.at >= now - _RECENT]
    if not recent or recent[-1].at - recent[0].at < _TRUSTED_AFTER:
        return None
    seconds = (max(now, recent[-1].at) - recent[0].at).total_seconds()
    pace = (recent[-1].applied - recent[0].applied) / seconds
    return pace if pace > 0 else None
