"""What time the simulator believes it is, in seconds since 1970, and how Shopify writes times.

Pauses and limits of calls a second are measured by the monotonic clock: nothing here moves them.
"""

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from libs.common.clock import utc_now

_HOUR = 3_600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """The machine's time, moved by `offset`. One for the process; a restart sets it right."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return utc_now() + self.offset


CLOCK = Clock()


def now_seconds() -> int:
    return int(CLOCK.now().timestamp())


def graphql_time(seconds: int) -> str:
    hour, second = divmod(seconds, _HOUR)
    return f"{_hour_text(hour)}{_minute_text(second)}"


@lru_cache(_HOUR)
def _hour_text(hour: int) -> str:
    return (_EPOCH + timedelta(hours=hour)).isoformat()[:14]


@lru_cache(_HOUR)
def _minute_text(second: int) -> str:
    minute, second = divmod(second, 60)
    return f"{minute:02}:{second:02}Z"


def rest_time(seconds: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(seconds, zone).isoformat()


def http_date() -> str:
    return format_datetime(CLOCK.now(), usegmt=True)


def triggered_at() -> str:
    return CLOCK.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def local_date(seconds: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(seconds, zone).date()


def seconds_from_iso(text: str, zone: ZoneInfo) -> int:
    """ISO 8601 without an offset is local time in `zone`; ValueError when it is not ISO 8601.

    A time that a clock change skipped counts as the moment the clock had before it jumped
    (02:30 becomes 03:30); of a time that came twice, the first is meant.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return int(moment.timestamp())


_RELATIVE = re.compile(r"now(?:-(\d+)([dhm]))?")
_UNIT_SECONDS = {"d": 86_400, "h": 3_600, "m": 60}


def seconds_from_search(text: str) -> int:
    """A date or time as search syntax has it, UTC unless it says otherwise, or `now-5d`."""
    if relative := _RELATIVE.fullmatch(text):
        amount, unit = relative.groups()
        return now_seconds() - (int(amount) * _UNIT_SECONDS[unit] if amount else 0)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
